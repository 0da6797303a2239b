/** A part of Node's library that takes milliseconds to load: loaded when it is first asked for, since the gateway's time to ready is counted in tens of them. */
export const nodeCrypto = () => process.getBuiltinModule("node:crypto");

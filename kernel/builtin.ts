/**
 * Parts of Node's library that take milliseconds to load, and that no start needs: loaded when they are first asked for, since the
 * gateway's time to ready is counted in tens of them.
 */
export const nodeCrypto = () => process.getBuiltinModule("node:crypto");
export const nodeUtil = () => process.getBuiltinModule("node:util");

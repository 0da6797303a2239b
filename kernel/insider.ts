/** A caller inside the gateway: the kernel itself, or a plugin with the scopes of its manifest. */
import type { WireScope } from "@pincer/plugin-sdk/method";
import type { Caller } from "./bus/dispatch.ts";
import kernel from "./package.json" with { type: "json" };

export const insider = (principal: string, scopes: readonly WireScope[], signal = new AbortController().signal): Caller => ({
  role: "operator",
  scopes,
  signal,
  info: {
    id: principal,
    principal,
    clientId: "gateway-client",
    clientMode: "backend",
    clientVersion: kernel.version,
    displayName: undefined,
    deviceId: undefined,
    remoteAddress: "",
    caps: new Set(),
  },
});

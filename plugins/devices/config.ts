/** The `devices` section of the configuration. */
import { type Static, Type } from "@sinclair/typebox";

const ms = (value: number, description: string) =>
  Type.Integer({ minimum: 0, default: value, description: `${description}, in milliseconds` });
const count = (value: number, description: string) => Type.Integer({ minimum: 1, default: value, description });

export const DevicesConfig = Type.Object({
  signatureWindowMs: ms(120_000, "How far a device's signature may be from the gateway's clock"),
  requestTtlMs: ms(3_600_000, "How long a request to pair waits for its answer"),
  maxRequests: count(100, "Requests that may wait, and links and codes that are good; the oldest makes room"),
  maxSilentDevices: count(1_000, "Devices kept that were approved on loopback without asking; the longest unseen makes room"),
  bootstrapTtlMs: ms(600_000, "How long a login link or setup code is good"),
  bootstrapRepeatMs: ms(10_000, "How long it stays good, once used, for the device that used it"),
});
export type DevicesConfig = Static<typeof DevicesConfig>;

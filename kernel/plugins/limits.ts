import type { PluginLimits } from "./deps.ts";

export const defaultLimits: PluginLimits = {
  setupMs: 30_000,
  healthMs: 5_000,
  hookMs: 1_000,
  drainMs: 60_000,
  unloadMs: 5_000,
  handOverMs: 30_000,
  retryFirstMs: 1_000,
  retryLongestMs: 60_000,
  faults: 5,
  probationMs: 60_000,
};

/** The gateway that is tried: the whole default set, with bounds that it comes to soon. */
import { startWatched, type WatchedProcess } from "../support/watched-process.ts";

export type Target = WatchedProcess;

export const startTarget = (): Promise<Target> =>
  startWatched({
    config: {
      gateway: {
        handshakeMs: 1_000,
        controlPlane: { calls: 1_000_000 },
        lockout: { loopbackFactor: 1_000_000 },
        wrongRoleCalls: 1_000,
        // A machine that is busy with the trial is slow, not broken.
        plugins: { hookMs: 20_000, healthMs: 20_000 },
        // Small, so that what is bounded has come to its bound before the second half.
        frameBytes: 1_048_576,
        stabilityEvents: 100,
        keptRows: 2_000,
      },
      plugins: { agent: { config: { contextCacheBytes: 200_000 } }, "provider-demo": { config: { deltaMs: 0 } } },
    },
  });

/** Bounds of plugins; durations in milliseconds. All may change while the gateway runs. */
import { type Static, Type } from "@sinclair/typebox";

const atLeast = (minimum: number, value: number, description: string) => Type.Integer({ minimum, default: value, description });

export const PluginsConfig = Type.Object(
  {
    setupMs: atLeast(1, 30_000, "How long a plugin's setup may take"),
    healthMs: atLeast(1, 5_000, "How long a plugin may take to report its health"),
    hookMs: atLeast(1, 1_000, "How long a handler of a hook may take"),
    stopMs: atLeast(1, 30_000, "How long a handler of a hook may take that stops what runs in a session"),
    drainMs: atLeast(0, 60_000, "How long a replaced generation may finish its calls before its jobs go to the next one"),
    unloadMs: atLeast(1, 5_000, "How long each cleanup of an unload, and the end of its services, is waited for"),
    stateMs: atLeast(1, 5_000, "How long calls of a plugin that hands its state over wait at most while it is replaced"),
    takeOverMs: atLeast(1, 30_000, "How long a new generation may take to hold a connection that only one may hold"),
    retryFirstMs: atLeast(1, 1_000, "Pause after a plugin or a service of it failed to start; doubles with each failure"),
    retryLongestMs: atLeast(1, 60_000, "Longest such pause"),
    faults: atLeast(1, 5, "With more faults than this soon after it was swapped in, a generation is rolled back"),
    heartbeatMs: atLeast(1, 5_000, "Between two signs of life that a plugin's own process is asked for"),
    stallMs: atLeast(1, 10_000, "A process that gives none for so long is ended"),
    crashes: atLeast(1, 5, "With more ends of its process within the window it is rolled back, or else not started again by itself"),
    crashWindowMs: atLeast(1, 300_000, "That window"),
    processIdleMs: atLeast(1_000, 600_000, "A process that nobody has called for so long is ended, unless its manifest says another time"),
    watchMs: atLeast(50, 500, "Between two looks at how many processes a confined plugin runs, and how much memory they use"),
    valuesMb: atLeast(1, 32, "How much a plugin from elsewhere that runs confined may keep in its store"),
    dataMb: atLeast(1, 1_024, "How much it may put into its folder for data; with more it is ended, and does not start"),
    busyMs: atLeast(0, 30_000, "A process that uses a whole processor for so long goes behind all others; 0: never"),
    spinMs: atLeast(0, 300_000, "One that goes on like this for so long is ended and started again; 0: never"),
    probationMs: atLeast(0, 60_000, "What soon means"),
  },
  { additionalProperties: false, default: {} },
);
export type PluginLimits = Static<typeof PluginsConfig>;

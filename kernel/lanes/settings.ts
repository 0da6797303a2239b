/** Bounds and durations of the lanes, in milliseconds. All may change while the gateway runs. */
import { type Static, Type } from "@sinclair/typebox";

const atLeast = (minimum: number, value: number, description: string) => Type.Integer({ minimum, default: value, description });

export const LanesConfig = Type.Object(
  {
    queue: atLeast(1, 100, "Jobs that may wait in one lane before an admission is refused; what jobs send is never refused"),
    fullRetryMs: atLeast(1, 1_000, "What an admission to a full lane is told to wait"),
    senderRate: atLeast(1, 100, "Jobs that one sender may have admitted a minute, in the long run"),
    senderBurst: atLeast(1, 200, "Jobs that one sender may have admitted at once"),
    trialAfter: atLeast(1, 2, "Crashes of the process while a job ran after which it is suspected, and runs when no other suspect does"),
    parkAfter: atLeast(1, 8, "Crashes of the process while a job ran after which it is given up"),
    backoffFirstMs: atLeast(0, 250, "Pause before a suspect runs again; doubles with each crash"),
    backoffLongestMs: atLeast(0, 60_000, "Longest such pause"),
    drainMs: atLeast(0, 5_000, "How long a stop lets running jobs go on before they are put back"),
    abandonMs: atLeast(1, 10_000, "How long a handler that was told to stop is waited for"),
    retryMs: atLeast(1, 500, "Pause before something is written again, when the store was full or locked"),
    recheckMs: atLeast(1, 60_000, "How often a job that may not start yet is looked at, since the time of day may be set"),
    blobBytes: atLeast(1, 1024 * 1024, "Results of steps above this size are kept as blobs"),
    resultBytes: atLeast(1024, 32 * 1024 * 1024, "Largest result of a step, as JSON"),
    keepMs: atLeast(1, 7 * 86_400_000, "How long an ended job answers to its key"),
    sweepMs: atLeast(1, 3_600_000, "Between two sweeps of ended jobs"),
  },
  { additionalProperties: false, default: {} },
);
export type LanesSettings = Static<typeof LanesConfig>;

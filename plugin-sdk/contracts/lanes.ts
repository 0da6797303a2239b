/** The kernel's lanes, as plugins see them. */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Admission, JobOutcome, JobState, QueueMode } from "../job.ts";

export const LaneJob = Type.Object({
  key: Type.String(),
  kind: Type.String(),
  mode: QueueMode,
  state: JobState,
  input: Type.Unknown(),
  admittedAt: Type.Integer(),
  /** Grows with each admission, over all lanes. */
  order: Type.Integer(),
});

export const lanes = defineContract({
  id: "lanes",
  version: 1,
  arity: "one",
  scope: "operator.write",
  members: {
    /** Admits all in one commit. `values` are kept in this plugin's key-value store in the same commit. */
    admit: call(
      Type.Object({ admissions: Type.Array(Admission), values: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
      Type.Object({ jobs: Type.Array(Type.Object({ key: Type.String(), fresh: Type.Boolean(), state: JobState })) }),
      { safe: true },
    ),
    /** Waits for the end of a job; an absorbed job ends as the one that absorbed it. Throws `LANE_JOB_UNKNOWN`. */
    wait: call(Type.Object({ key: Type.String() }), JobOutcome, { safe: true }),
    find: call(Type.Object({ key: Type.String() }), Type.Union([JobOutcome, Type.Null()]), { safe: true }),
    status: call(
      Type.Object({ lane: Type.String() }),
      Type.Object({ running: Type.Union([LaneJob, Type.Null()]), waiting: Type.Array(LaneJob) }),
      { safe: true },
    ),
    /** Cancels one job by key, or what runs in a lane and, with `waiting`, what waits there. Answers with the keys that were cancelled. */
    cancel: call(
      Type.Object({
        key: Type.Optional(Type.String()),
        lane: Type.Optional(Type.String()),
        waiting: Type.Optional(Type.Boolean()),
        reason: Type.String(),
      }),
      Type.Object({ keys: Type.Array(Type.String()) }),
      { safe: true },
    ),
  },
});

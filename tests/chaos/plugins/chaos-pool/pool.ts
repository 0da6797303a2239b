import { call, defineContract } from "@pincer/plugin-sdk/contract";
import { defineJob } from "@pincer/plugin-sdk/job";
import { Type } from "@sinclair/typebox";

export const Asked = Type.Object({ id: Type.String() });
const Answered = Type.Object({ answer: Type.String() });

/** The same work twice: once it may be repeated, once it may not. */
export const pool = defineContract({
  id: "chaos-pool",
  version: 1,
  arity: "one",
  record: Type.Object({}),
  members: { ask: call(Asked, Answered, { safe: true }), spend: call(Asked, Answered) },
});

/** Of its two steps one may be repeated. */
export const work = defineJob({
  kind: "chaos-pool.work",
  journal: 1,
  input: Asked,
  result: Type.Object({ read: Type.String(), spent: Type.Union([Type.String(), Type.Null()]) }),
});

export const answerTo = (id: string): string => `the answer to ${id}`;

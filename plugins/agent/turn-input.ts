/** What a run is made of: the inputs and results of the agent's jobs, and the names that belong to a run. */
import { TurnRequest } from "@pincer/plugin-sdk/contracts/turn";
import { defineJob } from "@pincer/plugin-sdk/job";
import { Usage } from "@pincer/plugin-sdk/message";
import { type Static, Type } from "@sinclair/typebox";

export const TurnInput = Type.Composite([
  TurnRequest,
  Type.Object({
    /** Epoch milliseconds of the request. */
    at: Type.Integer(),
    /** Whether a client of the gateway asked through `chat.*`, which is told of more phases. */
    chat: Type.Optional(Type.Boolean()),
    /** Attachments that were not taken, as people read them. */
    untaken: Type.Optional(Type.Array(Type.String())),
    /** Its text calls nothing, also where it begins as a call does. */
    literal: Type.Optional(Type.Boolean()),
    /** Of the marks around what the owner did not write; chosen once, so that a resumed turn has the same. */
    boundary: Type.Optional(Type.String()),
  }),
]);
export type TurnInput = Static<typeof TurnInput>;

export const CommandInput = Type.Composite([
  TurnInput,
  Type.Object({
    command: Type.String(),
    args: Type.String(),
    /** Whoever typed it may not. */
    refused: Type.Optional(Type.Boolean()),
    /** There is no such command: what is answered. */
    unknown: Type.Optional(Type.String()),
  }),
]);
export type CommandInput = Static<typeof CommandInput>;

export const CompactInput = Type.Object({
  /** Absent when nobody follows the compaction as a run of its own. */
  run: Type.Optional(TurnInput),
  sessionKey: Type.String(),
  agentId: Type.String(),
  focus: Type.Optional(Type.String()),
  /** Cut off what is older than this many messages, without asking a model. */
  keepMessages: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type CompactInput = Static<typeof CompactInput>;

export const RunResult = Type.Object({
  status: Type.Union([Type.Literal("ok"), Type.Literal("error"), Type.Literal("timeout")]),
  text: Type.String(),
  stopReason: Type.String(),
  startedAt: Type.Integer(),
  endedAt: Type.Integer(),
  sessionId: Type.Optional(Type.String()),
  provider: Type.Optional(Type.String()),
  model: Type.Optional(Type.String()),
  usage: Type.Optional(Usage),
  /** What went wrong, as people are told. */
  error: Type.Optional(Type.String()),
  /** The code of whoever did not let a model be called. */
  refusal: Type.Optional(Type.String()),
});
export type RunResult = Static<typeof RunResult>;

export const CompactResult = Type.Object({ compacted: Type.Boolean(), reason: Type.Optional(Type.String()) });
export type CompactResult = Static<typeof CompactResult>;

export const turnJob = defineJob({ kind: "agent.turn", journal: 1, input: TurnInput, result: RunResult });
export const commandJob = defineJob({ kind: "agent.command", journal: 1, input: CommandInput, result: RunResult });
export const recordJob = defineJob({ kind: "agent.record", journal: 1, input: TurnInput, result: RunResult });
export const compactJob = defineJob({
  kind: "agent.compact",
  journal: 1,
  input: CompactInput,
  result: Type.Composite([CompactResult, Type.Partial(RunResult)]),
});

/** Keys of jobs are the gateway's, ids of runs the clients'. */
export const runKey = (runId: string) => `run:${runId}`;
export const runIdOf = (key: string) => (key.startsWith("run:") ? key.slice(4) : undefined);
export const turnLane = (sessionKey: string) => `turn:${sessionKey}`;
/** Commands do not wait for the turn that they are about. */
export const commandLane = (sessionKey: string) => `job:agent:command:${sessionKey}`;

/** Entries of the transcript, named by the run, so that a replay appends nothing twice. */
export const entryIds = {
  user: (runId: string) => `${runId}:user`,
  answer: (runId: string, name: string) => `${runId}:answer:${name}`,
  result: (runId: string, callId: string) => `${runId}:result:${callId}`,
  note: (runId: string, name: string) => `${runId}:note:${name}`,
};

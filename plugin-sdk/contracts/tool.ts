/** Tools: what a model may ask for. */
import { type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";
import { defineContract, type ImplementationOf, type Io, stream } from "../contract.ts";
import { ImageBlock, TextBlock } from "../message.ts";

export const Access = Type.Union([Type.Literal("read"), Type.Literal("write"), Type.Literal("exec"), Type.Literal("network")]);
export type Access = Static<typeof Access>;

export const ToolRecord = Type.Object({
  /** What the model reads to choose the tool. */
  summary: Type.String(),
  /** JSON Schema of the arguments. */
  parameters: Type.Unsafe<TSchema>(Type.Unknown()),
  access: Access,
  /** Milliseconds before the call is aborted; the agent's default when absent. */
  timeoutMs: Type.Optional(Type.Integer()),
});
export type ToolRecord = Static<typeof ToolRecord>;

export const ToolCall = Type.Object({
  callId: Type.String(),
  arguments: Type.Unknown(),
  sessionKey: Type.String(),
  agentId: Type.String(),
  runId: Type.String(),
  /** Absolute path of the agent's workspace: the root for files and the working directory for commands. */
  workspace: Type.String(),
  /** Whether this is one of the owner's own sessions. */
  owner: Type.Boolean(),
});
export type ToolCall = Static<typeof ToolCall>;

export const ToolProgress = Type.Object({ text: Type.String() });

/** `refused` and `failed` are for the model to read and correct; only faults throw. */
export const ToolOutcome = Type.Object({
  outcome: Type.Union([Type.Literal("ok"), Type.Literal("refused"), Type.Literal("failed")]),
  content: Type.Array(Type.Union([TextBlock, ImageBlock])),
  /** For clients, not for the model. */
  details: Type.Optional(Type.Unknown()),
});
export type ToolOutcome = Static<typeof ToolOutcome>;

export const tool = defineContract({
  id: "tool",
  version: 1,
  arity: "many",
  record: ToolRecord,
  members: { run: stream(ToolCall, ToolProgress, ToolOutcome) },
});

export interface ToolDefinition<P extends TObject> {
  readonly name: string;
  readonly summary: string;
  readonly access: Access;
  readonly parameters: P;
  readonly timeoutMs?: number;
  /** The agent has checked the arguments against `parameters`. */
  run(
    args: Static<P>,
    call: Omit<ToolCall, "arguments">,
    io: Io,
  ): AsyncGenerator<{ text: string }, ToolOutcome, void> | Promise<ToolOutcome>;
}

/** Turns a typed definition into what `ctx.provide(tool, name, record, implementation)` takes. */
export function defineTool<P extends TObject>(
  definition: ToolDefinition<P>,
): readonly [name: string, record: ToolRecord, implementation: ImplementationOf<typeof tool>] {
  const { name, summary, access, parameters, timeoutMs } = definition;
  return [
    name,
    { summary, access, parameters, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
    {
      async *run(params, io) {
        const answer = definition.run(params.arguments as Static<P>, params, io);
        return answer instanceof Promise ? await answer : yield* answer;
      },
    },
  ];
}

export const textOutcome = (text: string, details?: unknown): ToolOutcome => ({
  outcome: "ok",
  content: [{ type: "text", text }],
  ...(details === undefined ? {} : { details }),
});
export const refusedOutcome = (text: string): ToolOutcome => ({ outcome: "refused", content: [{ type: "text", text }] });
export const failedOutcome = (text: string): ToolOutcome => ({ outcome: "failed", content: [{ type: "text", text }] });

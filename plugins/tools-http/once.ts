/** Calls under an idempotency key: each is a job, which runs once, and whose outcome is had again. */
import { ToolCall, ToolOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { defineJob, type Job } from "@pincer/plugin-sdk/job";
import { type Static, Type } from "@sinclair/typebox";
import { InvokeFailure, invalid } from "./failure.ts";
import { type PreparedCall, requireAllowed } from "./invocation.ts";
import { runTool } from "./run-tool.ts";
import type { ToolsContext } from "./uses.ts";

const Failed = Type.Object({ status: Type.Integer(), type: Type.String(), message: Type.String() });
const Result = Type.Object({ outcome: Type.Optional(ToolOutcome), failure: Type.Optional(Failed) });
type Result = Static<typeof Result>;
/** The digest tells another request under the same key. */
const Answered = Type.Composite([Result, Type.Object({ digest: Type.String() })]);
type Answered = Static<typeof Answered>;

export const invokeJob = defineJob({
  kind: "tools-http.invoke",
  journal: 1,
  input: Type.Object({
    tool: Type.String(),
    call: ToolCall,
    timeoutMs: Type.Integer(),
    isSafe: Type.Boolean(),
    digest: Type.String(),
  }),
  result: Answered,
});
type Input = Static<typeof invokeJob.input>;

const uncertain = {
  status: 500,
  type: "uncertain",
  message: "the gateway stopped while the tool ran: it may or may not have taken effect, and was not run again",
};

export function createOnce(ctx: ToolsContext) {
  const settled = async (work: () => Promise<ToolOutcome>): Promise<Result> => {
    try {
      return { outcome: await work() };
    } catch (error) {
      if (!(error instanceof InvokeFailure)) throw error;
      const { status, type, message } = error;
      return { failure: { status, type, message } };
    }
  };

  const invoke = async (job: Job<Input>): Promise<Result> => {
    const { tool, call, timeoutMs, isSafe } = job.input;
    const prepared: PreparedCall = { tool, call, timeoutMs, isSafe };
    const allowed = await job.effect<Result>(
      "allow",
      call,
      (signal) => settled(() => requireAllowed(ctx, prepared, signal).then((): ToolOutcome => ({ outcome: "ok", content: [] }))),
      { replay: "safe" },
    );
    if (allowed.failure) return allowed;
    const run = (signal: AbortSignal) => settled(() => runTool(ctx, prepared, signal));
    if (isSafe) return job.effect<Result>("run", call, run, { replay: "safe" });
    const ended = await job.effect<Result>("run", call, run);
    return ended.ok ? ended.value : { failure: uncertain };
  };

  return {
    handle: async (job: Job<Input>): Promise<Answered> => ({ ...(await invoke(job)), digest: job.input.digest }),

    /** Waits for the outcome of whichever request under the key came first. Throws an `InvokeFailure`. */
    async run(principal: string, key: string, prepared: PreparedCall, signal: AbortSignal): Promise<ToolOutcome> {
      const jobKey = `tools-http:${digestOf([principal, key])}`;
      const { arguments: args, sessionKey, agentId } = prepared.call;
      const input: Input = { ...prepared, digest: digestOf([prepared.tool, args, sessionKey, agentId]) };
      const admission = { lane: `job:tools-http:${jobKey}`, kind: invokeJob.kind, key: jobKey, input };
      await ctx.uses.lanes.admit({ admissions: [admission] }, { signal });
      const { state, result } = await ctx.uses.lanes.wait({ key: jobKey }, { signal });
      if (state !== "done") {
        const { message = `the call ended as ${state}` } = (result ?? {}) as { message?: string };
        throw new InvokeFailure(500, "tool_error", message);
      }
      const { outcome, failure, digest } = result as Answered;
      if (digest !== input.digest) throw invalid("this idempotencyKey was used for another call already; choose a new one");
      if (failure) throw new InvokeFailure(failure.status, failure.type, failure.message);
      return outcome!;
    },
  };
}

const canonical = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, inner]) => [key, canonical(inner)]),
      )
    : Array.isArray(value)
      ? value.map(canonical)
      : value;

const digestOf = (value: unknown): string => new Bun.CryptoHasher("sha256").update(JSON.stringify(canonical(value))).digest("hex");

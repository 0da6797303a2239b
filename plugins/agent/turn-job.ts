/** The job `agent.turn`: the life of a turn around its answer. Whatever happens, clients are told one end, and who wrote is answered. */
import type { Session } from "@pincer/plugin-sdk/contracts/sessions";
import { errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import { turnEnded } from "@pincer/plugin-sdk/hooks";
import type { Job } from "@pincer/plugin-sdk/job";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { commandsDone } from "./commands-about.ts";
import { agentErrors, isFinal, isPutOff } from "./errors.ts";
import type { ErrorKind } from "./events.ts";
import type { RunEvents } from "./run-events.ts";
import { interrupted, type Runs } from "./runs.ts";
import { Turn, type TurnEnd, type TurnParts } from "./turn.ts";
import type { RunResult, TurnInput } from "./turn-input.ts";
import type { AgentContext } from "./uses.ts";

const isOfTheLane = (error: unknown) => isPutOff(error) || (isGatewayError(error) && error.code.startsWith("LANE_"));

export function createTurnHandler(parts: TurnParts, runs: Runs) {
  const { agent } = parts;
  const { sessions } = agent.uses;

  const sessionOf = async ({ runId, sessionKey: key, agentId, owner }: TurnInput): Promise<Session> => {
    const io = { signal: agent.signal };
    try {
      return (await sessions.get({ key }, io)) ?? (await sessions.ensure({ key, owner }, io));
    } catch (error) {
      const identity = { runId, sessionKey: key, agentId, sessionId: undefined };
      if (!isPutOff(error)) runs.tell(identity, { state: "error", errorMessage: sayable(error), errorKind: "unknown" });
      throw error;
    }
  };

  return async (job: Job<TurnInput>): Promise<RunResult> => {
    const { input } = job;
    const { runId, agentId } = input;
    const io = { signal: agent.signal };
    await commandsDone(agent, { sessionKey: input.sessionKey, order: job.order, signal: job.signal }, "before");
    using stop = linkSignals(job.signal);
    const { signal } = stop;
    const [session] = await Promise.all([sessionOf(input), runs.answered(runId)]);
    const { key: sessionKey, sessionId } = session;
    const run = runs.begin({ runId, sessionKey, agentId, sessionId }, { askedAt: input.at, resumed: job.resumed });
    const limit = input.timeoutMs ?? agent.config.turnTimeoutMs;
    const timer = limit > 0 ? agent.clock.after(limit, () => stop.abort(tooLong(limit))) : undefined;

    const isTimedOut = () => hasCode(signal.reason, "AGENT_TIMEOUT");

    // Who stops a run sees it end at once, however long what is being stopped takes.
    const onAbort = () => {
      if (!isFinal(job.signal.reason)) return;
      const stopReason = runs.stopReason(runId);
      run.end({ state: "aborted", stopReason });
      // What an interrupted run has taken over goes back to the lane; what a stopped one has ends with it.
      if (stopReason !== interrupted) tellAbsorbed({ state: "aborted", stopReason });
    };
    job.signal.addEventListener("abort", onAbort, { once: true });
    const isRunning = (ids: readonly string[], reason: string) =>
      sessions.running({ key: sessionKey, runIds: [...ids], reason }, io).catch((error: unknown) => {
        agent.log.warn("session.unmarked", { sessionKey, runId, error: errorMessage(error) });
      });
    const onAbsorbed = (runIds: readonly string[]) => void isRunning([runId, ...runIds], "model");
    const turn = new Turn({ ...parts, job, run, session, signal, onAbsorbed });
    const tellAbsorbed = (end: Parameters<RunEvents["end"]>[0]) => {
      for (const other of turn.absorbed) runs.tell({ runId: other.runId, sessionKey, agentId, sessionId }, end);
    };

    try {
      // One that is stopped before it did anything has its place in the conversation all the same: `answer` begins with that.
      if (job.signal.aborted) onAbort();
      else void isRunning([runId], "start");
      run.lifecycle("start", { startedAt: run.startedAt });
      const end = await turn.answer().catch((error: unknown): TurnEnd => {
        if (job.signal.aborted || isOfTheLane(error)) throw error;
        agent.log[isGatewayError(error) ? "warn" : "error"]("turn.failed", {
          sessionKey,
          runId,
          error: errorMessage(error),
          stack: stackOf(error),
        });
        const [kind, message] = isTimedOut() ? (["timeout", tooLong(limit).message] as const) : [kindOf(error), sayable(error)];
        turn.keepUnfinished("error", message);
        return { ok: false, kind, message, stopReason: "error", refusal: refusalOf(error) };
      });
      const rest = await turn.blocks.finish();
      turn.replies.stopTyping();
      const failure = end.ok ? undefined : `⚠️ ${end.message}`;
      const [unread, whole] = withFailure(rest, run.text, failure);
      await turn.replies.finish(unread, whole, turn.blocks.edits);
      const error = end.ok ? undefined : end.message;
      await job.effect("row", null, () => turn.facets(error === undefined ? {} : { error }), { replay: "safe" });
      await turn.transcript.settled();
      turn.transcript.leave();
      job.signal.throwIfAborted();

      const { usage, model } = turn;
      if (end.ok) run.end({ state: "final", text: run.text, stopReason: end.stopReason, usage });
      else run.end({ state: "error", errorMessage: end.message, errorKind: end.kind });
      tellAbsorbed(
        end.ok
          ? { state: "final", text: "", stopReason: end.stopReason }
          : { state: "error", errorMessage: end.message, errorKind: end.kind },
      );
      const timedOut = !end.ok && end.kind === "timeout" && isTimedOut();
      const state = end.ok ? "end" : timedOut ? "timeout" : "error";
      void isRunning([], state);
      tellEnded(agent, { sessionKey, agentId, runId, state: end.ok ? "ok" : state });
      return {
        status: end.ok ? "ok" : timedOut ? "timeout" : "error",
        text: run.text,
        stopReason: end.stopReason,
        startedAt: run.startedAt,
        endedAt: agent.clock.now(),
        sessionId,
        usage,
        ...(model === undefined ? {} : { provider: model.endpoint, model: model.id }),
        ...(error === undefined ? {} : { error }),
        ...(end.ok || end.refusal === undefined ? {} : { refusal: end.refusal }),
      };
    } catch (error) {
      if (job.signal.aborted && isFinal(job.signal.reason)) {
        await keepAborted(agent, turn, sessionKey, sessionId);
        onAbort();
        await isRunning([], "aborted");
        tellEnded(agent, { sessionKey, agentId, runId, state: "aborted" });
      } else if (!job.signal.aborted && !isPutOff(error)) {
        agent.log.error("turn.lost", { sessionKey, runId, error: errorMessage(error), stack: stackOf(error) });
        run.end({ state: "error", errorMessage: sayable(error), errorKind: "unknown" });
        await isRunning([], "error");
      }
      throw error;
    } finally {
      timer?.[Symbol.dispose]();
      job.signal.removeEventListener("abort", onAbort);
      turn.replies.stopTyping();
      turn.blocks[Symbol.dispose]();
      runs.finish(run);
    }
  };
}

const tooLong = (limit: number) => agentErrors.AGENT_TIMEOUT(`The turn was stopped: it took longer than ${Math.round(limit / 1000)} s.`);

const kindOf = (error: unknown): ErrorKind =>
  hasCode(error, "AGENT_COMPACTION") ? "context_length" : hasCode(error, "AGENT_REFUSED") ? "refusal" : "unknown";

const refusalOf = (error: unknown): string | undefined => {
  const refusal = hasCode(error, "LLM_CALL_REFUSED") ? error.data?.["refusal"] : undefined;
  return typeof refusal === "string" ? refusal : undefined;
};

/** A message of ours was written to be read; that of anything else may hold what nobody should see. */
const sayable = (error: unknown) => (isGatewayError(error) ? error.message : "Something went wrong inside the gateway; its log says what.");
const stackOf = (error: unknown) => (error instanceof Error ? error.stack : undefined);

const withFailure = (rest: string, whole: string, failure: string | undefined): readonly [rest: string, whole: string] =>
  failure === undefined ? [rest, whole] : [`${rest.trim()}\n\n${failure}`, `${whole.trim()}\n\n${failure}`];

/** What was said to it and by it before a run was stopped stays, unless the session has been emptied meanwhile. */
async function keepAborted(agent: AgentContext, turn: Turn, key: string, sessionId: string): Promise<void> {
  try {
    const now = await agent.uses.sessions.get({ key }, { signal: agent.signal });
    if (now?.sessionId === sessionId) turn.keepUnfinished("aborted");
    await turn.transcript.written(agent.clock);
  } catch (error) {
    agent.log.warn("turn.unkept", { sessionKey: key, error: errorMessage(error) });
  }
}

function tellEnded(agent: AgentContext, ended: { sessionKey: string; agentId: string; runId: string; state: string }): void {
  agent.run(turnEnded, ended).catch((error: unknown) => agent.log.warn("hook.failed", { hook: turnEnded.id, error: errorMessage(error) }));
}

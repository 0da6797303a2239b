/** Stopping runs: one by its id, or all of a session. */
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { Runs } from "./runs.ts";
import { commandLane, runIdOf, runKey, turnLane } from "./turn-input.ts";
import type { AgentContext } from "./uses.ts";

interface StopRequest {
  readonly sessionKey: string;
  readonly agentId: string;
  /** Absent: whatever runs in the session. */
  readonly runId?: string | undefined;
  /** Also what waits behind it. */
  readonly waiting: boolean;
  /** The request's place among the admissions: what was admitted behind it is not meant. Absent: all that is there. */
  readonly before?: number;
  /** In the words of the wire: `rpc`, `stop`. */
  readonly stopReason: string;
}

/** Answers with the runs that were stopped, once that is durable and clients have been told of their end. */
export async function stopRuns(agent: AgentContext, runs: Runs, request: StopRequest): Promise<readonly string[]> {
  const { sessionKey, agentId, waiting, before = Number.POSITIVE_INFINITY, stopReason } = request;
  const io = { signal: agent.signal };
  const lane = turnLane(sessionKey);
  let key: string | undefined;
  if (request.runId !== undefined) {
    key = runKey(request.runId);
    let found = await agent.uses.lanes.find({ key }, io);
    // Its message was taken over by a run that answers both.
    while (found?.state === "absorbed") {
      key = String((found.result as { readonly by?: unknown } | null)?.by);
      found = await agent.uses.lanes.find({ key }, io);
    }
    if (found === null || (found.lane !== lane && found.lane !== commandLane(sessionKey))) return [];
  }
  const { running, waiting: queue } = await agent.uses.lanes.status({ lane }, io);
  const there = [...(waiting ? queue : []), ...(running === null ? [] : [running])].filter(({ order }) => order < before);
  const meant = key === undefined ? there.map((job) => job.key) : [key];
  // Those whose end was told already are only still putting things away.
  const runIds = meant.flatMap((one) => runIdOf(one) ?? []).filter((runId) => !runs.isTold(runId));
  runs.stopping(runIds, stopReason);
  const reason = stopReason === "rpc" ? "stopped by a client" : "stopped by the user";
  const keys = await cancelAll(agent, meant, reason);
  if (key !== undefined && (await agent.uses.lanes.find({ key }, io))?.state === "absorbed") {
    // It was being taken over at this very moment.
    runs.forgetStopping(runIds);
    return stopRuns(agent, runs, request);
  }
  const stopped = runIds.filter((runId) => keys.includes(runKey(runId)));
  for (const runId of stopped) {
    const run = runs.get(runId);
    if (run !== undefined) run.end({ state: "aborted", stopReason });
    else if (running?.key !== runKey(runId))
      runs.tell({ runId, sessionKey, agentId, sessionId: undefined }, { state: "aborted", stopReason });
    else await endedElsewhere(agent, runId);
  }
  runs.forgetStopping(runIds.filter((runId) => !stopped.includes(runId) || runs.get(runId) === undefined));
  return stopped;
}

/** What waits is to be named before what runs, or it would begin. Answers with the keys that were cancelled. */
export async function cancelAll({ uses, signal }: AgentContext, keys: readonly string[], reason: string): Promise<readonly string[]> {
  const cancelled = await Promise.all(keys.map((key) => uses.lanes.cancel({ key, reason }, { signal })));
  return cancelled.flatMap(({ keys }) => keys);
}

/** A run that an older generation of this plugin works on is told by it. */
async function endedElsewhere(agent: AgentContext, runId: string): Promise<void> {
  using patience = linkSignals(agent.signal);
  using _timer = agent.clock.after(agent.config.toolGraceMs, () => patience.abort(new DOMException("waited long enough", "TimeoutError")));
  try {
    await agent.uses.lanes.wait({ key: runKey(runId) }, { signal: patience.signal });
  } catch (error) {
    if (agent.signal.aborted || !patience.signal.aborted) throw error;
  }
}

/** Stopping, compacting and writing into a session from outside of its turns. */
import { hasCode } from "@pincer/plugin-sdk/error";
import { cancelAll, stopRuns } from "./abort.ts";
import { emptiedAt } from "./commands-about.ts";
import * as methods from "./methods.ts";
import type { Runs } from "./runs.ts";
import { findSession, openSession } from "./session-address.ts";
import { chosenModel } from "./session-facets.ts";
import { type CompactInput, type CompactResult, compactJob, runIdOf, runKey, turnLane } from "./turn-input.ts";
import type { AgentContext } from "./uses.ts";

export function registerSessionMethods(agent: AgentContext, runs: Runs): void {
  const { lanes, sessions } = agent.uses;
  const io = { signal: agent.signal };

  agent.method(methods.chatAbort, async ({ sessionKey, agentId, runId }) => {
    const { key, agentId: owner } = await findSession(agent, sessionKey, agentId);
    const runIds = await stopRuns(agent, runs, { sessionKey: key, agentId: owner, runId, waiting: true, stopReason: "rpc" });
    return { ok: true as const, aborted: runIds.length > 0, runIds: [...runIds] };
  });

  agent.method(methods.sessionsAbort, async ({ key: written, agentId, runId, clearQueued }) => {
    // A run knows its session better than a client that names only the run.
    const found = written === undefined && runId !== undefined ? await lanes.find({ key: runKey(runId) }, io) : null;
    const named = found === null ? written : found.lane.slice(turnLane("").length);
    const { key, agentId: owner } = await findSession(agent, named, agentId);
    const runIds = await stopRuns(agent, runs, {
      sessionKey: key,
      agentId: owner,
      runId,
      waiting: clearQueued === true,
      stopReason: "rpc",
    });
    const aborted = runIds.length > 0;
    return {
      ok: true as const,
      aborted,
      runIds: [...runIds],
      abortedRunId: runIds[0] ?? null,
      status: aborted ? ("aborted" as const) : ("no-active-run" as const),
    };
  });

  agent.method(methods.sessionsCompact, async ({ key: written, agentId, maxLines }, { signal }) => {
    const { key, agentId: owner, session } = await findSession(agent, written, agentId);
    if (session === undefined) return { ok: true as const, key, compacted: false, reason: "there is no such session" };
    const job = runKey(crypto.randomUUID());
    const input: CompactInput = { sessionKey: key, agentId: owner, ...(maxLines === undefined ? {} : { keepMessages: maxLines }) };
    await lanes.admit({ admissions: [{ lane: turnLane(key), kind: compactJob.kind, key: job, input, mode: "followup" }] }, io);
    const outcome = await lanes.wait({ key: job }, { signal });
    const result = outcome.result as (CompactResult & { readonly message?: string }) | null;
    if (outcome.state === "done")
      return {
        ok: true as const,
        key,
        compacted: result?.compacted === true,
        ...(result?.reason === undefined ? {} : { reason: result.reason }),
      };
    return { ok: true as const, key, compacted: false, reason: result?.message ?? `the compaction ended as ${outcome.state}` };
  });

  agent.method(methods.chatInject, async ({ sessionKey, agentId, message, label, note = false }) => {
    const session = await openSession(agent, await findSession(agent, sessionKey, agentId));
    const runId = `inject:${crypto.randomUUID()}`;
    const text = label === undefined || label === "" ? message : `[${label}]\n${message}`;
    const entry = {
      role: "assistant" as const,
      content: [{ type: "text" as const, text }],
      timestamp: agent.clock.now(),
      stopReason: "stop" as const,
    };
    await sessions.append({ key: session.key, entries: [{ id: runId, kind: note ? "note" : "message", message: entry, runId }] }, io);
    runs.tell(
      { runId, sessionKey: session.key, agentId: session.agentId, sessionId: session.sessionId },
      { state: "final", text, stopReason: "stop", ...(note ? { command: true } : {}) },
    );
    return { ok: true as const, messageId: runId };
  });
}

/** Whatever runs or waits in a session that is emptied or removed belongs to a conversation that is gone. */
export async function stopSession(agent: AgentContext, runs: Runs, sessionKey: string, reason: string): Promise<void> {
  const io = { signal: agent.signal };
  runs.stopping(
    runs.ofSession(sessionKey).map(({ identity }) => identity.runId),
    reason,
  );
  const { running, waiting } = await agent.uses.lanes.status({ lane: turnLane(sessionKey) }, io);
  const before = (await emptiedAt(agent, sessionKey)) ?? Number.POSITIVE_INFINITY;
  const meant = [...waiting, ...(running === null ? [] : [running])].filter(({ order }) => order < before);
  const there = meant.map(({ key }) => key);
  const keys = await cancelAll(agent, there, `the session was ${reason}`);
  const stopped = keys.flatMap((key) => runIdOf(key) ?? []);
  const agentId = sessionKey.split(":")[1] ?? "";
  for (const runId of stopped) runs.tell({ runId, sessionKey, agentId, sessionId: undefined }, { state: "aborted", stopReason: reason });
  // What a stopped turn or summary still writes goes into the conversation that it belongs to.
  await Promise.all(keys.map((key) => agent.uses.lanes.wait({ key }, io)));
  const session = reason === "reset" ? await agent.uses.sessions.get({ key: sessionKey }, io) : null;
  if (session === null) return;
  // A reset keeps what was chosen; what merely ran last must not be taken for a choice then.
  const facets = { model: chosenModel(session) ?? null };
  await agent.uses.sessions.patch({ key: sessionKey, facets }, io).catch((error: unknown) => {
    // Somebody has deleted it meanwhile: then there is nothing left to keep.
    if (!hasCode(error, "SESSION_UNKNOWN")) throw error;
  });
}

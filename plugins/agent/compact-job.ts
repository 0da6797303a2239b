/** The job `agent.compact`: a summary that somebody asked for, in its place between the turns of the session. */
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Job } from "@pincer/plugin-sdk/job";
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { compact } from "./compaction.ts";
import { summaryId } from "./context-window.ts";
import { isFinal, isPutOff } from "./errors.ts";
import { ModelChooser } from "./model-choice.ts";
import { Replies } from "./replies.ts";
import type { Runs } from "./runs.ts";
import { Transcript } from "./transcript.ts";
import type { TurnParts } from "./turn.ts";
import { type CompactInput, type CompactResult, entryIds, type RunResult, runIdOf } from "./turn-input.ts";

export function createCompactHandler({ agent, contexts, rendered }: TurnParts, runs: Runs) {
  const { sessions, router } = agent.uses;

  const compactSession = async (job: Job<CompactInput>): Promise<CompactResult> => {
    const { sessionKey, agentId, focus, keepMessages } = job.input;
    const io = { signal: job.signal };
    const session = await sessions.get({ key: sessionKey }, io);
    if (session === null) return { compacted: false, reason: "there is no such session" };
    const transcript = new Transcript(sessions, contexts, sessionKey, { signal: agent.signal });
    const items = await transcript.items(job.resumed);
    if (keepMessages !== undefined) {
      const from = items.findIndex((item, index) => items.length - index <= keepMessages && item.message.role === "user");
      if (from <= 0) return { compacted: false, reason: `the conversation has no more than ${keepMessages} messages to keep` };
      const text = "[The beginning of this conversation was cut off and is not shown.]";
      await transcript.summarise(job.key, text, from, agent.clock.now(), (first) => summaryId(job.key, first));
    } else {
      const info = await router.agent({ agentId }, io);
      const chooser = new ModelChooser({ agent, job, info, session, signal: job.signal, onSelection: () => undefined });
      const { model, within } = await chooser.choose({ name: "select", inputs: [], items: () => transcript.items(job.resumed) });
      const window = model.contextWindow ?? agent.config.contextTokens;
      const options = {
        agent,
        job,
        transcript,
        model,
        within,
        window,
        sessionKey,
        agentId,
        runId: job.key,
        user: job.input.run?.user,
        resumed: job.resumed,
        signal: job.signal,
        stamp: rendered.stamp,
        focus,
      };
      const done = await compact(
        options,
        "asked",
        Math.min(Math.floor(window * agent.config.keepShare), Math.floor(textTokensOf(items) / 4)),
      );
      if (!done) return { compacted: false, reason: "there is nothing that a summary could replace yet" };
    }
    const tokens = textTokensOf(await transcript.items(job.resumed));
    await sessions.patch({ key: sessionKey, facets: { totalTokens: tokens, totalTokensFresh: false } }, { signal: agent.signal });
    transcript.leave();
    return { compacted: true };
  };

  /** Says that it runs in the session, so that it shows there, and who empties the session stops it first. */
  const compactSeen = async (job: Job<CompactInput>): Promise<CompactResult> => {
    const { run, sessionKey: key } = job.input;
    const io = { signal: agent.signal };
    await sessions.running({ key, runIds: [run?.runId ?? runIdOf(job.key) ?? job.key], reason: "start" }, io);
    try {
      const result = await compactSession(job);
      await sessions.running({ key, runIds: [], reason: "end" }, io);
      return result;
    } catch (error) {
      if (isFinal(job.signal.reason)) await sessions.running({ key, runIds: [], reason: "aborted" }, io);
      else if (!job.signal.aborted && !isPutOff(error)) await sessions.running({ key, runIds: [], reason: "error" }, io);
      throw error;
    }
  };

  return async (job: Job<CompactInput>): Promise<CompactResult & Partial<RunResult>> => {
    const { run: asked, sessionKey, agentId } = job.input;
    if (asked === undefined) return compactSeen(job);
    const { runId } = asked;
    await runs.answered(runId);
    const run = runs.begin({ runId, sessionKey, agentId, sessionId: undefined }, { askedAt: asked.at, resumed: job.resumed });
    const replies = new Replies({ agent, job, runId, sessionKey });
    replies.add(asked.replyTo, 0);
    try {
      run.lifecycle("start", { startedAt: run.startedAt });
      const result = await compactSeen(job).catch((error: unknown): CompactResult => {
        if (job.signal.aborted || isPutOff(error) || !isGatewayError(error) || error.code.startsWith("LANE_")) throw error;
        return { compacted: false, reason: error.message };
      });
      const text = result.compacted ? "The beginning of this conversation is now a summary." : `Nothing was summarised: ${result.reason}.`;
      const note = { role: "assistant" as const, content: [{ type: "text" as const, text }], timestamp: agent.clock.now() };
      await sessions.append(
        { key: sessionKey, entries: [{ id: entryIds.note(runId, "reply"), kind: "note", message: note, runId }] },
        { signal: agent.signal },
      );
      await replies.finish(text, text);
      run.end({ state: "final", text, stopReason: "stop", command: true });
      return { ...result, status: "ok", text, stopReason: "stop", startedAt: run.startedAt, endedAt: agent.clock.now() };
    } catch (error) {
      if (isFinal(job.signal.reason)) run.end({ state: "aborted", stopReason: runs.stopReason(runId) });
      else if (!job.signal.aborted && !isPutOff(error))
        run.end({ state: "error", errorMessage: errorMessage(error), errorKind: "unknown" });
      throw error;
    } finally {
      runs.finish(run);
    }
  };
}

const textTokensOf = (items: readonly { readonly tokens: number }[]) => items.reduce((sum, { tokens }) => sum + tokens, textTokens(""));

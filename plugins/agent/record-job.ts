/** The job `agent.record`: what somebody wrote is kept in the conversation, and nobody answers; the next turn reads it. */
import type { Job } from "@pincer/plugin-sdk/job";
import { readAttachments } from "./read-attachments.ts";
import { entryIds, type RunResult, type TurnInput } from "./turn-input.ts";
import { userMessage } from "./user-message.ts";
import type { AgentContext } from "./uses.ts";

export function createRecordHandler(agent: AgentContext) {
  const { sessions } = agent.uses;

  return async (job: Job<TurnInput>): Promise<RunResult> => {
    const { signal } = job;
    const { runId, sessionKey, owner } = job.input;
    const startedAt = agent.clock.now();
    const { key, sessionId } =
      (await sessions.get({ key: sessionKey }, { signal })) ?? (await sessions.ensure({ key: sessionKey, owner }, { signal }));
    const { input, notes } = await readAttachments(agent, job, job.input, signal);
    const message = userMessage(input, agent.config, notes);
    await sessions.append({ key, entries: [{ id: entryIds.user(runId), kind: "message", message, runId }] }, { signal });
    return { status: "ok", text: "", stopReason: "unanswered", startedAt, endedAt: agent.clock.now(), sessionId };
  };
}

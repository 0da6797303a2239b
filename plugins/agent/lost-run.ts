/** What becomes of a run whose job was given up: clients are told, the conversation says so, and who wrote from a channel gets an answer. */
import type { HookPayload } from "@pincer/plugin-sdk/hook";
import type { jobFailed } from "@pincer/plugin-sdk/hooks";
import type { Runs } from "./runs.ts";
import { type CompactInput, commandJob, compactJob, entryIds, type TurnInput, turnJob } from "./turn-input.ts";
import { userMessage } from "./user-message.ts";
import type { AgentContext } from "./uses.ts";

export async function tellLostRun(agent: AgentContext, runs: Runs, lost: HookPayload<typeof jobFailed>): Promise<void> {
  const input = runOf(lost);
  if (input === undefined) return;
  const io = { signal: agent.signal };
  const { runId, sessionKey, agentId, replyTo } = input;
  const message =
    lost.state === "parked"
      ? "This message could not be answered: the gateway stopped each time it was tried, and it was given up."
      : `This message could not be answered: ${lost.message}`;
  runs.tell({ runId, sessionKey, agentId, sessionId: undefined }, { state: "error", errorMessage: message, errorKind: "unknown" });
  const said = {
    role: "assistant" as const,
    content: [],
    timestamp: agent.clock.now(),
    stopReason: "error" as const,
    errorMessage: message,
  };
  const entry = { id: entryIds.answer(runId, "lost"), kind: "message" as const, message: said, runId };
  // Its turn may have ended before it wrote anything, even the session.
  if ((await agent.uses.sessions.get({ key: sessionKey }, io)) === null)
    await agent.uses.sessions.ensure({ key: sessionKey, owner: input.owner }, io);
  const asked = { id: entryIds.user(runId), kind: "message" as const, message: userMessage(input, agent.config), runId };
  await agent.uses.sessions.append({ key: sessionKey, entries: lost.kind === turnJob.kind ? [asked, entry] : [entry] }, io);
  await agent.uses.sessions.running({ key: sessionKey, runIds: [], reason: "error" }, io);
  if (replyTo === undefined) return;
  const { address, messageId } = replyTo;
  const text = `⚠️ ${message}`;
  await agent.uses.outbox?.send(
    { address, text, key: `${runId}:lost`, sessionKey, runId, ...(messageId === undefined ? {} : { replyTo: messageId }) },
    io,
  );
}

function runOf({ kind, input }: HookPayload<typeof jobFailed>): TurnInput | undefined {
  if (kind === turnJob.kind || kind === commandJob.kind) return input as TurnInput;
  return kind === compactJob.kind ? (input as CompactInput).run : undefined;
}

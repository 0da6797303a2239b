/** `chat.send` and its relatives: a message in, a run out. */

import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import type { Thinking } from "@pincer/plugin-sdk/contracts/provider";
import { thinkingLevels } from "@pincer/plugin-sdk/contracts/provider";
import type { TurnRequest } from "@pincer/plugin-sdk/contracts/turn";
import type { Admission, JobState } from "@pincer/plugin-sdk/job";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { admissionFor, type RequestOrigin } from "./admission.ts";
import { type SentAttachment, takeAttachments } from "./attachments.ts";
import { agentErrors } from "./errors.ts";
import * as methods from "./methods.ts";
import type { Runs } from "./runs.ts";
import { findSession, openSession } from "./session-address.ts";
import { thinkingLevel } from "./session-facets.ts";
import { type RunResult, runKey, turnLane } from "./turn-input.ts";
import type { AgentContext } from "./uses.ts";

interface Message {
  readonly runId: string;
  readonly sessionKey: string | undefined;
  readonly agentId?: string | undefined;
  readonly text: string;
  /** For whom it is: who asked. */
  readonly user: string;
  readonly attachments?: readonly SentAttachment[] | undefined;
  readonly thinking?: string | undefined;
  readonly model?: string | undefined;
  readonly mode?: TurnRequest["mode"];
  readonly timeoutMs?: number | undefined;
  readonly replyTo?: TurnRequest["replyTo"];
  readonly extraSystemPrompt?: string | undefined;
  readonly expectedSessionId?: string | undefined;
  readonly expectedLeaf?: string | null | undefined;
}

interface AdmittedRun {
  readonly runId: string;
  readonly sessionKey: string;
  readonly agentId: string;
  /** Nobody had asked for this run before. */
  readonly fresh: boolean;
  readonly state: JobState;
}

/** Throws `AGENT_THINKING`. */
function takeThinking(word: string | undefined): Thinking | undefined {
  if (word === undefined || word === "") return undefined;
  const level = thinkingLevel(word);
  if (level === undefined) throw agentErrors.AGENT_THINKING(`"${word}" is no thinking level; there are: ${thinkingLevels.join(", ")}`);
  return level;
}

/** Where an answer is to go as well. Throws `AGENT_REPLY_ADDRESS` when it is not said wholly. */
export function takeReplyTo(
  deliver: boolean | undefined,
  to: { channel?: string | undefined; to?: string | undefined; account?: string | undefined; thread?: string | undefined },
): TurnRequest["replyTo"] {
  if (deliver !== true) return undefined;
  if (to.channel === undefined || to.to === undefined) {
    throw agentErrors.AGENT_REPLY_ADDRESS("deliver needs to know where to: name the channel and the conversation there");
  }
  const address: Address = { channel: to.channel, account: to.account ?? "default", conversation: to.to };
  return { address: to.thread === undefined ? address : { ...address, thread: to.thread } };
}

export function createSend(agent: AgentContext, runs: Runs) {
  const { lanes, sessions } = agent.uses;
  const io = { signal: agent.signal };

  /** Admits a run durably. What is told of it waits until `release` has been called. */
  async function admit(message: Message, origin: RequestOrigin): Promise<{ readonly run: AdmittedRun; readonly release: () => void }> {
    const { runId, text, user, mode, timeoutMs, replyTo, model, extraSystemPrompt } = message;
    const attachments = takeAttachments(message.attachments ?? [], agent.config);
    if (text.trim() === "" && attachments.length === 0) throw agentErrors.AGENT_MESSAGE_EMPTY('expected text in "message", or attachments');
    const thinking = takeThinking(message.thinking);
    const address = await findSession(agent, message.sessionKey, message.agentId);
    const session = await openSession(agent, address);
    if (message.expectedSessionId !== undefined && message.expectedSessionId !== session.sessionId) {
      throw agentErrors.AGENT_SESSION_CHANGED(`${session.key} has begun anew since it was last read`, {
        data: { sessionId: session.sessionId },
      });
    }
    if (message.expectedLeaf !== undefined) {
      const { entries } = await sessions.path({ key: session.key, limit: 1 }, io);
      const leaf = entries.at(-1)?.id ?? null;
      if (leaf !== message.expectedLeaf)
        throw agentErrors.AGENT_LEAF_CHANGED(`${session.key} went on since it was last read`, { data: { leafEntryId: leaf } });
    }
    const request: TurnRequest = {
      runId,
      sessionKey: session.key,
      agentId: session.agentId,
      owner: session.owner,
      text,
      user,
      ...(attachments.length === 0 ? {} : { attachments }),
      ...(thinking === undefined ? {} : { thinking }),
      ...(model === undefined || model === "" ? {} : { model }),
      ...(mode === undefined ? {} : { mode }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(replyTo === undefined ? {} : { replyTo }),
      ...(extraSystemPrompt === undefined || extraSystemPrompt === "" ? {} : { extraSystemPrompt }),
    };
    const release = runs.hold(runId);
    try {
      const { jobs } = await lanes.admit({ admissions: [await inOrder(request, { ...origin, operator: true })] }, io);
      const { fresh = false, state = "ready" } = jobs[0] ?? {};
      const run = { runId, sessionKey: session.key, agentId: session.agentId, fresh, state };
      if (!fresh) await refuseOther(run);
      return { run, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Of each session, the admission that is made: whether a word calls a skill takes a while to know, and what is said meanwhile is said after it. */
  const making = new Map<string, Promise<unknown>>();
  async function inOrder(request: TurnRequest, origin: RequestOrigin): Promise<Admission> {
    const { sessionKey } = request;
    const turn = Promise.all([admissionFor(agent, request, origin), making.get(sessionKey)]).then(([made]) => made);
    making.set(sessionKey, turn);
    try {
      return await turn;
    } finally {
      if (making.get(sessionKey) === turn) making.delete(sessionKey);
    }
  }

  const refuseOther = async ({ runId, sessionKey }: AdmittedRun) => {
    const found = await lanes.find({ key: runKey(runId) }, io);
    if (found !== null && !found.lane.endsWith(sessionKey)) {
      throw agentErrors.AGENT_KEY_REUSED(
        `the idempotency key "${runId}" belongs to another session (${found.lane.replace(turnLane(""), "")})`,
      );
    }
  };

  const statusOf = async ({ runId, fresh, state }: AdmittedRun): Promise<ResultOf<typeof methods.chatSend>["status"]> => {
    if (fresh) return "started";
    if (state === "ready" || state === "running") return "in_flight";
    if (state === "cancelled") return "aborted";
    if (state !== "done" && state !== "absorbed") return "error";
    const outcome = await lanes.find({ key: runKey(runId) }, io);
    return state === "done" ? ((outcome?.result as RunResult | undefined)?.status ?? "ok") : "ok";
  };

  /** Answers as soon as the run is durable; nothing is told of it before. */
  async function send(message: Message, origin: RequestOrigin): Promise<ResultOf<typeof methods.chatSend>> {
    const { run, release } = await admit(message, origin);
    // The answer is written once the promises of this turn of the event loop have settled.
    setImmediate(release);
    return { runId: run.runId, status: await statusOf(run) };
  }

  return { admit, send };
}

export function registerSending(agent: AgentContext, { send }: ReturnType<typeof createSend>): void {
  agent.method(methods.chatSend, async (params, { connection }) => {
    const replyTo = takeReplyTo(params.deliver, {
      channel: params.originatingChannel,
      to: params.originatingTo,
      account: params.originatingAccountId,
      thread: params.originatingThreadId,
    });
    return send(
      {
        runId: params.idempotencyKey,
        sessionKey: params.sessionKey,
        agentId: params.agentId,
        text: params.message,
        user: connection.principal,
        attachments: params.attachments,
        thinking: params.thinking,
        mode: params.queueMode,
        timeoutMs: params.timeoutMs,
        replyTo: replyTo === undefined || params.replyToId === undefined ? replyTo : { ...replyTo, messageId: params.replyToId },
        expectedSessionId: params.sessionId,
        expectedLeaf: params.expectedLeafEntryId,
      },
      { chat: true, literal: params.suppressCommandInterpretation === true },
    );
  });

  for (const [method, mode] of [
    [methods.sessionsSend, undefined],
    [methods.sessionsSteer, "interrupt"],
  ] as const) {
    agent.method(method, async ({ key, agentId, message, thinking, attachments, timeoutMs, idempotencyKey }, { connection }) => {
      const runId = idempotencyKey ?? crypto.randomUUID();
      const user = connection.principal;
      return send({ runId, sessionKey: key, agentId, text: message, user, thinking, attachments, timeoutMs, mode }, { chat: true });
    });
  }
}

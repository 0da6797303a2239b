/** `agent`, `agent.wait` and what an agent is called. */
import { hasCode } from "@pincer/plugin-sdk/error";
import type { JobOutcome, JobState } from "@pincer/plugin-sdk/job";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { type createSend, takeReplyTo } from "./chat-send.ts";
import * as methods from "./methods.ts";
import { toldFailure } from "./runs.ts";
import { findSession, keyOfSessionId } from "./session-address.ts";
import { type RunResult, runKey } from "./turn-input.ts";
import type { AgentContext } from "./uses.ts";

const open: ReadonlySet<JobState> = new Set(["ready", "running", "absorbed"]);

/** What a run came to, however its job ended. */
function resultOf(outcome: JobOutcome): RunResult & { readonly aborted: boolean } {
  if (outcome.state === "done") return { ...(outcome.result as RunResult), aborted: false };
  const { message = `the run ended as ${outcome.state}` } = toldFailure(outcome);
  const aborted = outcome.state === "cancelled";
  return { status: "error", text: "", stopReason: aborted ? "aborted" : "error", startedAt: 0, endedAt: 0, error: message, aborted };
}

function finalOf(runId: string, outcome: JobOutcome): ResultOf<typeof methods.agent> {
  const { status, text, stopReason, startedAt, endedAt, sessionId, provider, model, usage, error, refusal, aborted } = resultOf(outcome);
  return {
    runId,
    status: aborted ? "aborted" : status,
    summary: error ?? "completed",
    result: {
      payloads: text === "" ? [] : [{ text, mediaUrl: null }],
      meta: {
        durationMs: Math.max(0, endedAt - startedAt),
        stopReason,
        aborted,
        ...(refusal === undefined ? {} : { refusal }),
        agentMeta: {
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(provider === undefined ? {} : { provider }),
          ...(model === undefined ? {} : { model }),
          ...(usage === undefined ? {} : { usage }),
        },
      },
    },
  };
}

/** A plugin says for whom it asks; anybody else can only divide what is on their own account. */
const userFor = (principal: string, user: string | undefined): string => {
  if (user === undefined || user === "") return principal;
  return principal.startsWith("plugin:") ? user : `${principal}/${user}`;
};

export function registerAgentMethods(agent: AgentContext, { admit }: ReturnType<typeof createSend>): void {
  const { lanes, router } = agent.uses;

  agent.method(methods.agent, async (params, call) => {
    const sessionKey =
      params.sessionKey === undefined && params.sessionId !== undefined ? await keyOfSessionId(agent, params.sessionId) : params.sessionKey;
    const { provider, model, timeout } = params;
    const reference = model === undefined || model === "" || provider === undefined || provider === "" ? model : `${provider}/${model}`;
    const replyTo = takeReplyTo(params.deliver, {
      channel: params.replyChannel ?? params.channel,
      to: params.replyTo ?? params.to,
      account: params.replyAccountId ?? params.accountId,
      thread: params.threadId,
    });
    const runId = params.idempotencyKey;
    const { run, release } = await admit(
      {
        runId,
        sessionKey,
        agentId: params.agentId,
        text: params.message,
        user: userFor(call.connection.principal, params.user),
        attachments: params.attachments,
        thinking: params.thinking,
        model: reference,
        timeoutMs: timeout === undefined ? undefined : timeout * 1000,
        extraSystemPrompt: params.extraSystemPrompt,
        replyTo,
      },
      {},
    );
    // A repetition of a run that has ended is answered once, with its result.
    if (open.has(run.state)) {
      call.accepted({ runId, sessionKey: run.sessionKey, agentId: run.agentId, status: "accepted", acceptedAt: agent.clock.now() });
    }
    release();
    return finalOf(runId, await lanes.wait({ key: runKey(runId) }, { signal: call.signal }));
  });

  agent.method(methods.agentWait, async ({ runId, timeoutMs }, call) => {
    const still = { runId, status: "timeout" as const };
    using patience = linkSignals(call.signal);
    using _timer = timeoutMs === undefined ? undefined : agent.clock.after(timeoutMs, () => patience.abort(still));
    let outcome: JobOutcome;
    try {
      outcome = await lanes.wait({ key: runKey(runId) }, { signal: patience.signal });
    } catch (error) {
      if (error === still || hasCode(error, "LANE_JOB_UNKNOWN")) return still;
      throw error;
    }
    const { status, text, stopReason, startedAt, endedAt, error } = resultOf(outcome);
    return {
      runId,
      status,
      stopReason,
      ...(startedAt === 0 ? {} : { startedAt, endedAt }),
      ...(error === undefined ? {} : { error }),
      terminalReply: text === "" ? { disposition: "empty" as const } : { disposition: "visible" as const, text },
    };
  });

  agent.method(methods.agentIdentity, async ({ agentId, sessionKey }, { signal }) => {
    const id = agentId ?? (sessionKey === undefined || sessionKey === "" ? undefined : (await findSession(agent, sessionKey)).agentId);
    const { id: found, name, emoji, avatar } = await router.agent(id === undefined ? {} : { agentId: id }, { signal });
    return {
      agentId: found,
      name,
      nameSource: "config" as const,
      ...(emoji === undefined ? {} : { emoji }),
      ...(avatar === undefined || avatar === "" ? {} : { avatar }),
    };
  });
}

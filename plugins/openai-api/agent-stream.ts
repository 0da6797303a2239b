/** An agent's turn as an answer that streams: the run is the gateway's own, and its text comes from the events that every client gets. */
import type { FailureClass, ModelAnswer, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { PayloadOf } from "@pincer/plugin-sdk/event";
import type { StopReason } from "@pincer/plugin-sdk/message";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { createAnswer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { type AgentTurn, beginSession } from "./agent-turn.ts";
import { isUsedUp } from "./failure.ts";
import { agentMethod, chatAbort, type chatEvent } from "./gateway-methods.ts";
import type { AnswerStream, ApiContext } from "./uses.ts";

type ChatPayload = PayloadOf<typeof chatEvent>;

/** Runs whose text somebody reads as it comes, by their ids. */
export type Listeners = Map<string, (payload: ChatPayload) => void>;

const CLASSES: Readonly<Record<string, FailureClass>> = {
  refusal: "refusal",
  timeout: "timeout",
  rate_limit: "rate-limit",
  context_length: "context-overflow",
};
const STOPS: ReadonlySet<string> = new Set<StopReason>(["stop", "length", "toolUse", "refusal", "aborted", "error"]);

export interface Agents {
  /** Stops the run when the signal aborts, or when nobody reads any more; one that is detached goes on. */
  stream(turn: AgentTurn, signal: AbortSignal, options?: { readonly detached?: boolean }): AnswerStream;
  stop(turn: AgentTurn): Promise<void>;
}

export function createAgents(ctx: ApiContext, listeners: Listeners): Agents {
  const stop = async ({ sessionKey, runId }: AgentTurn) => {
    try {
      await ctx.call(chatAbort, { sessionKey, runId });
    } catch (error) {
      ctx.log.warn("run.not-stopped", { runId, error: errorMessage(error) });
    }
  };

  return {
    stop,
    async *stream(turn, signal, { detached = false } = {}) {
      const { runId, agentId, sessionKey } = turn;
      const news = new News();
      listeners.set(runId, (payload) => news.told(payload));
      const wake = () => news.wake();
      signal.addEventListener("abort", wake, { once: true });
      const answer = createAnswer({ provider: "pincer", model: agentId, api: "agent", timestamp: ctx.clock.now() });
      try {
        await beginSession(ctx, turn);
        const run = ctx.call(agentMethod, paramsOf(turn));
        run.then(news.ended, news.failed);
        for (;;) {
          const delta = news.take();
          if (delta !== "") yield* answer.text("text", delta);
          else if (signal.aborted) return answer.finish({ stopReason: "aborted", usage: tokenUsage({}) });
          else if (news.isOver) break;
          else await news.more();
        }
        const result = await run;
        yield* answer.text("text", news.rest(result.result.payloads.map(({ text }) => text).join("")));
        return conclude(answer, result, news, sessionKey);
      } finally {
        listeners.delete(runId);
        signal.removeEventListener("abort", wake);
        if (!news.isOver && !detached) void stop(turn);
      }
    },
  };
}

const paramsOf = ({ runId, agentId, sessionKey, text, user, files, system, model, thinking }: AgentTurn) => ({
  message: text,
  idempotencyKey: runId,
  agentId,
  sessionKey,
  user,
  ...(model === undefined ? {} : { model }),
  ...(thinking === undefined ? {} : { thinking }),
  ...(system === "" ? {} : { extraSystemPrompt: system }),
  ...(files.length === 0
    ? {}
    : { attachments: files.map(({ mimeType, data, fileName }) => ({ mimeType, content: data, ...(fileName ? { fileName } : {}) })) }),
});

function conclude(
  answer: ReturnType<typeof createAnswer>,
  { status, summary, result }: ResultOf<typeof agentMethod>,
  { isRewritten, errorKind }: News,
  sessionKey: string,
): ModelAnswer {
  const { stopReason, refusal, agentMeta } = result.meta;
  const usage = agentMeta.usage ?? tokenUsage({});
  const failed = (failure: ModelFailure) => answer.finish({ stopReason: "error", usage, failure });
  if (status === "timeout") return failed({ class: "timeout", message: summary });
  if (refusal !== undefined && isUsedUp(refusal)) return failed({ class: "billing", message: summary });
  if (status !== "ok")
    return failed({ class: CLASSES[errorKind ?? ""] ?? "unknown", message: status === "aborted" ? "The run was stopped." : summary });
  if (isRewritten) {
    const message = `The answer was begun anew while it was being read; the whole of it is in the session ${sessionKey}.`;
    return failed({ class: "unknown", message });
  }
  return answer.finish({ stopReason: STOPS.has(stopReason) ? (stopReason as StopReason) : "stop", usage });
}

/** What came of a run and was not read yet. */
class News {
  isOver = false;
  /** Something that was read already was taken back. */
  isRewritten = false;
  errorKind: string | undefined;
  #text = "";
  #taken = 0;
  #wake: (() => void) | undefined;

  told({ deltaText, replace, errorKind }: ChatPayload): void {
    this.errorKind = errorKind ?? this.errorKind;
    if (deltaText === undefined) return;
    if (replace === true) this.#replace(deltaText);
    else this.#text += deltaText;
    this.wake();
  }

  ended = (): void => {
    this.isOver = true;
    this.wake();
  };
  failed = this.ended;

  take(): string {
    const delta = this.isRewritten ? "" : this.#text.slice(this.#taken);
    this.#taken += delta.length;
    return delta;
  }

  /** What of the whole was not told by events. */
  rest(whole: string): string {
    this.#replace(whole);
    return this.take();
  }

  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #replace(text: string): void {
    if (!text.startsWith(this.#text.slice(0, this.#taken))) this.isRewritten = true;
    this.#text = text;
  }
}

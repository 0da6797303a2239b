/** What stands around each call of a model: whoever may refuse it is asked before it is made, and whoever counts is told what it came to. */
import type { Logger } from "@pincer/plugin-sdk";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Hook, HookAnswer, HookPayload } from "@pincer/plugin-sdk/hook";
import { modelCalled, modelCalling } from "@pincer/plugin-sdk/hooks";
import type { Usage } from "@pincer/plugin-sdk/message";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { tokensOf } from "@pincer/plugin-sdk/provider/estimate";
import { llmErrors } from "./errors.ts";
import { costOf, mostOf, priceFor } from "./prices.ts";
import type { Resolved } from "./resolve.ts";
import type { RunningCalls } from "./running-calls.ts";
import type { UsageLedger } from "./usage.ts";

export interface MeterContext {
  readonly log: Logger;
  run<H extends Hook>(hook: H, payload: HookPayload<H>, options?: { readonly signal?: AbortSignal }): Promise<HookAnswer<H>>;
}

/** Whose call it is. */
export interface Account {
  readonly agentId?: string | undefined;
  readonly sessionKey?: string | undefined;
  readonly runId?: string | undefined;
  readonly user?: string | undefined;
  readonly profile?: string | undefined;
}

export interface Meter {
  /** Throws `LLM_CALL_REFUSED`; then the call has ended. */
  admit(signal: AbortSignal): Promise<void>;
  /** So many bytes of the answer have come. */
  came(bytes: number): void;
  /** What a call costs that used so much; undefined: nobody knows. */
  cost(usage: Usage): ReturnType<typeof costOf>;
  /** To be called once, however a call ends that was admitted. */
  end(end: CallEnd): void;
}

interface CallEnd {
  /** The vendor's count; absent, or without tokens: it did not count. */
  readonly usage: Usage | undefined;
  /** The vendor came to its end, so that what it counted is all: what it says at its beginning is what it was asked. */
  readonly isEnded: boolean;
  /** The vendor has begun to work on it, as far as anybody can know: what it did not count is reckoned. */
  readonly worked: boolean;
}

/** A call as those hear of it who refuse and count. Of each that was opened the end is told once. */
interface OpenCall {
  /** Throws `LLM_CALL_REFUSED`; then the call has ended. */
  admit(asked: Omit<HookPayload<typeof modelCalling>, "callId" | "model" | keyof Account>, signal: AbortSignal): Promise<void>;
  tell(usage: Usage, estimated: boolean): void;
}

const nothing = tokenUsage({ cost: 0 });

export function openCall(ctx: MeterContext, running: RunningCalls, model: string, account: Account): OpenCall {
  // What nobody knows is not there once it has crossed to where it is read.
  const call = { callId: crypto.randomUUID(), model, ...account } as { callId: string; model: string } & {
    [K in keyof Account]: string;
  };
  const tell = (usage: Usage, estimated: boolean) => {
    const told = ctx.run(modelCalled, { ...call, usage, estimated }).catch((error: unknown) => {
      ctx.log.error("model.call-not-told", { model, error: errorMessage(error) });
    });
    running.telling(told);
  };
  return {
    tell,
    async admit(asked, signal) {
      const verdict = await ctx.run(modelCalling, { ...call, ...asked }, { signal }).catch((error: unknown) => {
        tell(nothing, false);
        throw error;
      });
      if (verdict.allow) return;
      tell(nothing, false);
      const { reason, code, retryAfterMs } = verdict;
      throw llmErrors.LLM_CALL_REFUSED(reason, {
        data: { model, ...(code === undefined ? {} : { refusal: code }) },
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      });
    },
  };
}

export function createMeter(
  ctx: MeterContext,
  ledger: UsageLedger,
  running: RunningCalls,
  { info, tiers }: Pick<Resolved, "info" | "tiers">,
  account: Account,
  { inputTokens, maxOutputTokens }: { readonly inputTokens: number; readonly maxOutputTokens?: number | undefined },
): Meter {
  const call = openCall(ctx, running, info.ref, account);
  const cost = (usage: Usage) => costOf(usage, priceFor(usage, info.price, tiers));
  let bytes = 0;
  let once = (end: () => void) => end();

  const count = ({ usage = tokenUsage({}), isEnded, worked }: CallEnd) => {
    const isCounted = usage.totalTokens > 0;
    const estimated = isCounted ? !isEnded : worked;
    const { input, cacheRead, cacheWrite } = isCounted ? usage : { ...nothing, input: inputTokens };
    const output = Math.max(usage.output, tokensOf(bytes));
    const reckoned = tokenUsage({ input, cacheRead, cacheWrite, output });
    // What the vendor says that it costs so far, it costs at least.
    const least = usage.cost === null ? null : Math.max(usage.cost, cost(reckoned)?.total ?? 0);
    const used = estimated ? { ...reckoned, cost: least } : usage;
    const priced = used.cost === null ? cost(used) : undefined;
    if (used.totalTokens > 0) ledger.record({ model: info.ref, ...account, usage: used, cost: priced });
    // Who limits counts what a call may have cost at most; the ledger says that it is not known.
    const most = () => mostOf(used, priceFor(used, info.price, tiers)) ?? mostOf(used, info.price) ?? null;
    const usd = used.totalTokens === 0 ? 0 : (used.cost ?? priced?.total ?? most());
    call.tell({ ...used, cost: usd }, estimated);
  };

  return {
    cost,
    came(more) {
      bytes += more;
    },

    async admit(signal) {
      await call.admit(
        {
          inputTokens,
          ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
          ...(info.maxOutputTokens === null ? {} : { longestOutput: info.maxOutputTokens }),
          price: priceFor({ input: inputTokens, output: 0, cacheRead: 0, cacheWrite: 0 }, info.price, tiers),
        },
        signal,
      );
      once = running.begin(() => count({ usage: undefined, isEnded: false, worked: true }));
    },

    end: (end) => once(() => count(end)),
  };
}

/** Whether a call may be made: within every hard limit that counts it, with what other calls are expected to use meanwhile. */
import { type BudgetState, budgetRefusals, type Spent } from "@pincer/plugin-sdk/contracts/budgets";
import type { HookPayload, Verdict } from "@pincer/plugin-sdk/hook";
import type { modelCalled, modelCalling } from "@pincer/plugin-sdk/hooks";
import { expectedCost, expectedOutput } from "@pincer/plugin-sdk/provider/expected-cost";
import { type Book, type Counter, DUST, type OpenCall } from "./book.ts";
import type { Calendar } from "./calendar.ts";
import type { BudgetsConfig } from "./config.ts";
import { type Limit, nameIn, type Place } from "./limits.ts";
import type { Whose } from "./whose.ts";
import { type Resetting, refusal, unpriced, unpricedRecording } from "./words.ts";

type Asked = HookPayload<typeof modelCalling>;

const none: Counter = { usd: 0, tokens: 0, heldUsd: 0, heldTokens: 0 };

interface Expected {
  readonly usd: number;
  readonly tokens: number;
  readonly isPriced: boolean;
}

/** What a call is expected to use: its request, and an answer as long as it may be, or else as one is taken to be. */
export function expectedOf(
  { inputTokens, maxOutputTokens, longestOutput, price, recording }: Asked,
  { answerTokens }: Pick<BudgetsConfig, "answerTokens">,
): Expected {
  const outputTokens = maxOutputTokens ?? expectedOutput(answerTokens, longestOutput);
  const usd = recording ? (recording.usd ?? undefined) : expectedCost({ inputTokens, outputTokens }, price);
  return { usd: usd ?? 0, tokens: inputTokens + outputTokens, isPriced: usd !== undefined };
}

export const nothingExpected: Expected = { usd: 0, tokens: 0, isPriced: false };

/** What a call has used. Of one whose end the vendor did not count nobody knows what it wrote: it has used what was held for it, at least. */
export function spentBy({ usage, estimated }: Pick<HookPayload<typeof modelCalled>, "usage" | "estimated">, held: Expected): Spent {
  const least = estimated ? held : nothingExpected;
  const tokens = Math.max(usage.totalTokens, least.tokens);
  const isPriced = usage.cost !== null || least.isPriced;
  return { usd: Math.max(usage.cost ?? 0, least.usd), tokens, calls: 1, unpricedTokens: isPriced ? 0 : tokens };
}

/** What of it is not counted yet, where the call was taken to have used what was held for it. */
export const beyond = ({ usd, tokens, unpricedTokens }: Spent, assumed: Expected): Spent => ({
  usd: Math.max(0, usd - assumed.usd),
  tokens: Math.max(0, tokens - assumed.tokens),
  calls: 0,
  unpricedTokens: Math.max(0, unpricedTokens - (assumed.isPriced ? 0 : assumed.tokens)),
});

/** The limit as it stands for that key. */
export function stateOf(limit: Limit, key: string, counter: Counter, resetsAt: number | undefined): BudgetState {
  const { usd, tokens, heldUsd, heldTokens } = counter;
  const measures = {
    ...(limit.usd === undefined ? {} : { usd: { limit: limit.usd, used: usd, held: heldUsd < DUST ? 0 : heldUsd } }),
    ...(limit.tokens === undefined ? {} : { tokens: { limit: limit.tokens, used: tokens, held: heldTokens } }),
  };
  const reached = (part: number) => Object.values(measures).some(({ limit: most, used }) => used + DUST >= most * part);
  return {
    ...{ name: limit.name, per: limit.per, hard: limit.hard },
    ...(Object.keys(limit.only).length === 0 ? {} : { only: { ...limit.only } as Record<string, string> }),
    ...(limit.each === undefined ? {} : { of: { each: limit.each, name: nameIn(key) } }),
    ...measures,
    state: reached(1) ? "used-up" : limit.soft < 1 && reached(limit.soft) ? "soft" : "ok",
    ...(resetsAt === undefined ? {} : { resetsAt }),
  };
}

export const resetOf = ({ per }: Limit, calendar: Calendar, now: number): number | undefined =>
  per === "day" ? calendar.endOfDay(now) : per === "month" ? calendar.endOfMonth(now) : undefined;

export const resettingOf = (limit: Limit, calendar: Calendar, now: number): Resetting => ({
  ...{ now, timeZone: calendar.timeZone, at: resetOf(limit, calendar, now) },
  show: calendar.show,
});

/** What a limit refused, and why. */
interface Refused {
  readonly limit: Limit;
  readonly key: string;
  readonly verdict: Verdict & { readonly allow: false };
}

/** The first limit that refuses. */
export function refusedBy(
  book: Book,
  calendar: Calendar,
  { whose, place }: { readonly whose: Whose; readonly place: Place },
  { usd, tokens }: Pick<Expected, "usd" | "tokens">,
  now: number,
): Refused | undefined {
  for (const limit of book.limits) {
    if (!limit.hard || !limit.counts(whose)) continue;
    const key = limit.keyOf(whose, place);
    // A call that is part of nothing larger is a turn of its own.
    if (key === undefined && limit.per !== "turn") continue;
    const counter = (key === undefined ? undefined : book.counters(limit).get(key)) ?? none;
    const over = {
      usd: limit.usd !== undefined && counter.usd + counter.heldUsd + usd > limit.usd + DUST,
      tokens: limit.tokens !== undefined && counter.tokens + counter.heldTokens + tokens > limit.tokens,
    };
    if (!over.usd && !over.tokens) continue;
    return refuse(limit, key ?? "", counter, over.usd ? "usd" : "tokens", { calendar, now, needs: { usd, tokens } });
  }
  return undefined;
}

/** The first limit of which nothing is left, for work that nobody has begun yet. What models and profiles may is not known there. */
export function usedUp(
  book: Book,
  calendar: Calendar,
  { whose, place }: Pick<OpenCall, "whose" | "place">,
  now: number,
): Refused | undefined {
  for (const limit of book.limits) {
    if (!limit.hard || limit.needsCall || !limit.counts(whose)) continue;
    const key = limit.keyOf(whose, place);
    const counter = key === undefined ? undefined : book.counters(limit).get(key);
    const spent = counter ?? none;
    const over = {
      usd: limit.usd !== undefined && spent.usd + spent.heldUsd + DUST >= limit.usd,
      tokens: limit.tokens !== undefined && spent.tokens + spent.heldTokens >= limit.tokens,
    };
    if (key === undefined || (!over.usd && !over.tokens)) continue;
    return refuse(limit, key, spent, over.usd ? "usd" : "tokens", { calendar, now });
  }
  return undefined;
}

function refuse(
  limit: Limit,
  key: string,
  counter: Counter,
  measure: "usd" | "tokens",
  at: { readonly calendar: Calendar; readonly now: number; readonly needs?: { readonly usd: number; readonly tokens: number } },
): Refused {
  const { calendar, now, needs } = at;
  const resetting = resettingOf(limit, calendar, now);
  const isOfProfile = limit.each === "profile" || limit.only.profile !== undefined;
  return {
    limit,
    key,
    verdict: {
      allow: false,
      reason: refusal(stateOf(limit, key, counter, resetting.at), measure, resetting, needs),
      code: isOfProfile ? budgetRefusals.profileUsedUp : budgetRefusals.usedUp,
      ...(resetting.at === undefined ? {} : { retryAfterMs: Math.max(0, resetting.at - now) }),
    },
  };
}

/** The hard limit of money that a call without a price would slip through. */
export const limitWithoutPrice = (book: Book, whose: Whose): Limit | undefined =>
  book.limits.find((limit) => limit.hard && limit.usd !== undefined && limit.counts(whose));

export const refuseUnpriced = ({ model, recording }: Asked, limit: Limit): Verdict => ({
  allow: false,
  reason: recording ? unpricedRecording(model, limit.name) : unpriced(model, limit.name),
  code: budgetRefusals.priceUnknown,
});

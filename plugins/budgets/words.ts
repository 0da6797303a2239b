/** What people read of budgets: how much is used, what is refused, and what can be done about it. */
import type { BudgetPeriod, BudgetState, Measure, Spent } from "@pincer/plugin-sdk/contracts/budgets";

export const money = (usd: number): string => `$${usd.toFixed(usd !== 0 && Math.abs(usd) < 1 ? 4 : 2)}`;
export const count = (tokens: number): string => Math.round(tokens).toLocaleString("en-US");

type Subject = Pick<BudgetState, "name" | "per" | "only" | "of" | "usd" | "tokens">;

const WHEN: Readonly<Record<BudgetPeriod, string>> = {
  turn: "in this turn",
  session: "in this conversation",
  day: "today",
  month: "this month",
};

/** ` for agent work, each user (telegram:42)`; empty for a limit of everything. */
function forWhom({ only = {}, of }: Pick<Subject, "only" | "of">): string {
  const parts = Object.entries(only).map(([dimension, name]) => `${dimension} ${name}`);
  if (of) parts.push(`${of.each} ${of.name === "" ? "(nobody in particular)" : of.name}`);
  return parts.length === 0 ? "" : ` for ${parts.join(", ")}`;
}

const usedOf = ({ used, limit }: Measure, show: (value: number) => string, unit: string) => `${show(used)} of ${show(limit)}${unit}`;
const measures = ({ usd, tokens }: Pick<Subject, "usd" | "tokens">): string =>
  [usd && usedOf(usd, money, ""), tokens && usedOf(tokens, count, " tokens")].filter((text) => text !== undefined).join(", ");

function span(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2_880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`;
}

export interface Resetting {
  readonly at: number | undefined;
  readonly now: number;
  readonly timeZone: string;
  show(at: number): string;
}

function newAt(per: BudgetPeriod, { at, now, timeZone, show }: Resetting): string {
  if (per === "turn") return "The next message is a new turn.";
  if (per === "session") return "/new begins another conversation.";
  return at === undefined ? "" : `It begins anew on ${show(at)} (${timeZone}), in ${span(at - now)}.`;
}

const howToRaise = (name: string, measure: "usd" | "tokens"): string =>
  `To go on before that, raise it: pincer config set budgets.limits.${name}.${measure} <more>`;

/** `needs`: what the call is expected to use; absent: it is not known yet. */
export function refusal(
  subject: Subject,
  measure: "usd" | "tokens",
  resetting: Resetting,
  needs?: { readonly usd: number; readonly tokens: number },
): string {
  const { limit, used, held } = subject[measure] as Measure;
  const show = measure === "usd" ? money : (tokens: number) => `${count(tokens)} tokens`;
  const isMoney = measure === "usd";
  const of = `${isMoney ? money(used) : count(used)} of ${show(limit)} ${isMoney ? "is" : "are"} used ${WHEN[subject.per]}${forWhom(subject)}`;
  const running = held > 0 ? `, and ${show(held)} is held for calls that run` : "";
  const head =
    used >= limit
      ? `The budget "${subject.name}" is used up: ${of}.`
      : `The budget "${subject.name}" does not cover this call${needs ? `, which is expected to use about ${show(needs[measure])}` : ""}: ${of}${running}.`;
  return [head, newAt(subject.per, resetting), howToRaise(subject.name, measure)].filter((text) => text !== "").join(" ");
}

/** The command line takes a dot for the end of a name. */
const howToPrice = (key: string, model: string, price: string): string =>
  model.includes(".")
    ? `models: { ${key}: { "${model}": ${price} } } in the configuration`
    : `pincer config set models.${key}.${model} '${price}'`;

const unpricedUntil = (model: string, limit: string, says: string): string =>
  `The price of ${model} is not known, so the budget "${limit}" cannot hold for it. Say what it costs, in US dollars for ${says}; ` +
  `or set budgets.unknownPrice to "allow".`;

export const unpriced = (model: string, limit: string): string =>
  unpricedUntil(model, limit, `a million tokens, 0 where it costs nothing: ${howToPrice("prices", model, "{ input: 1, output: 2 }")}`);

export const unpricedRecording = (model: string, limit: string): string =>
  unpricedUntil(
    model,
    limit,
    `a minute of a recording, 0 where it costs nothing: ${howToPrice("transcriptionPrices", model, "{ minute: 0.006 }")}`,
  );

export const unpricedPasses = (model: string, limit: string): string =>
  `The price of ${model} is not known: its tokens are counted, and the budget "${limit}" does not see what it costs. ` +
  `models.prices says what a model costs.`;

export function warning(subject: Subject, level: "soft" | "used-up", hard: boolean, resetting: Resetting): string {
  const of = `${measures(subject)} ${WHEN[subject.per]}${forWhom(subject)}`;
  const again = newAt(subject.per, resetting);
  if (level === "soft") return `⚠️ Much of the budget "${subject.name}" is used: ${of}. ${again}`.trim();
  const next = hard ? "What goes beyond it is refused." : "Nothing is refused: it only warns.";
  return `⚠️ The budget "${subject.name}" is used up: ${of}. ${next} ${again}`.trim();
}

const spent = ({ usd, tokens, calls, unpricedTokens }: Spent): string =>
  `${money(usd)}, ${count(tokens)} tokens in ${calls} ${calls === 1 ? "call" : "calls"}` +
  (unpricedTokens > 0 ? `; ${count(unpricedTokens)} of them at a price that nobody knows` : "");

const PER: Readonly<Record<BudgetPeriod, string>> = { turn: "a turn", session: "a conversation", day: "a day", month: "a month" };
const STATES = { ok: "", soft: " ⚠️", "used-up": " ⛔ used up" } as const;

function limitLine(state: BudgetState, now: number): string {
  const held = (state.usd?.held ?? 0) > 0 ? `, ${money(state.usd?.held ?? 0)} held for calls that run` : "";
  const again = state.resetsAt === undefined ? "" : `, anew in ${span(state.resetsAt - now)}`;
  const kind = state.hard ? "" : ", only warns";
  return `- ${state.name}: ${measures(state)} ${PER[state.per]}${forWhom(state)}${held}${again}${kind}${STATES[state.state]}`;
}

export function overview(
  report: { readonly today: Spent; readonly month: Spent; readonly session?: Spent; readonly limits: readonly BudgetState[] },
  { now, timeZone }: { readonly now: number; readonly timeZone: string },
): string {
  const { today, month, session, limits } = report;
  const lines = [
    `Today: ${spent(today)}`,
    `This month: ${spent(month)}`,
    ...(session ? [`This conversation: ${spent(session)}`] : []),
    ...(limits.length === 0
      ? [`Limits: none. One of five dollars a day: pincer config set budgets.limits.daily '{ per: "day", usd: 5 }'`]
      : [`Limits (${timeZone}):`, ...limits.map((limit) => limitLine(limit, now))]),
  ];
  return lines.join("\n");
}

/** What models may use, and how much of it is used. With none installed nothing is limited. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";

/** In the order from the shortest to the longest; a session's begins anew when the session does. */
export const BudgetPeriod = Type.Union([Type.Literal("turn"), Type.Literal("session"), Type.Literal("day"), Type.Literal("month")]);
export type BudgetPeriod = Static<typeof BudgetPeriod>;

/** What a budget refuses with; callers find it in the error's `data.refusal`. A profile that is used up says nothing of the others. */
export const budgetRefusals = {
  usedUp: "BUDGET_USED_UP",
  profileUsedUp: "BUDGET_PROFILE_USED_UP",
  priceUnknown: "BUDGET_PRICE_UNKNOWN",
} as const;

export const Spent = Type.Object({
  usd: Type.Number({ minimum: 0 }),
  tokens: Type.Integer({ minimum: 0 }),
  calls: Type.Integer({ minimum: 0 }),
  /** Tokens of models whose price nobody knows, which are in no sum of money. */
  unpricedTokens: Type.Integer({ minimum: 0 }),
});
export type Spent = Static<typeof Spent>;

/** How much of one measure is used. `held`: by calls that run, as far as they are expected to use it. */
const Measure = Type.Object({ limit: Type.Number(), used: Type.Number(), held: Type.Number() });
export type Measure = Static<typeof Measure>;

export const BudgetState = Type.Object({
  name: Type.String(),
  per: BudgetPeriod,
  /** What of all calls it counts: `agent`, `user`, `model`, `profile`; absent: all. */
  only: Type.Optional(Type.Record(Type.String(), Type.String())),
  /** Whose share this is, of a limit that each of them has. */
  of: Type.Optional(Type.Object({ each: Type.String(), name: Type.String() })),
  usd: Type.Optional(Measure),
  tokens: Type.Optional(Measure),
  hard: Type.Boolean(),
  /** `soft`: it has been warned of; `used-up`: nothing is left. */
  state: Type.Union([Type.Literal("ok"), Type.Literal("soft"), Type.Literal("used-up")]),
  /** Epoch milliseconds; absent where no time ends it. */
  resetsAt: Type.Optional(Type.Integer()),
});
export type BudgetState = Static<typeof BudgetState>;

export const BudgetReport = Type.Object({
  updatedAt: Type.Integer(),
  timeZone: Type.String(),
  today: Spent,
  month: Spent,
  /** Since it began. */
  session: Type.Optional(Spent),
  limits: Type.Array(BudgetState),
  /** The same for people to read. */
  text: Type.String(),
});
export type BudgetReport = Static<typeof BudgetReport>;

export const budgets = defineContract({
  id: "budgets",
  version: 1,
  arity: "one",
  members: {
    report: call(Type.Object({ sessionKey: Type.Optional(Type.String()) }), BudgetReport, { safe: true }),
  },
});

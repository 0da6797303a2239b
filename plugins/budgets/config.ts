/** The `budgets` section of the configuration. */
import { BudgetPeriod } from "@pincer/plugin-sdk/contracts/budgets";
import { type Static, Type } from "@sinclair/typebox";

/** Who or what a call is of. */
export const DIMENSIONS = ["agent", "user", "model", "profile"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

const Only = (what: string, example: string) =>
  Type.Optional(Type.String({ minLength: 1, description: `${what}; \`*\` stands for any text`, examples: [example] }));

const rest = {
  per: Type.Unsafe<BudgetPeriod>({ ...BudgetPeriod, description: "What it is counted over" }),
  each: Type.Optional(
    Type.Union([Type.Literal("agent"), Type.Literal("user"), Type.Literal("model"), Type.Literal("profile")], {
      description: "Each of them has the limit for itself",
    }),
  ),
  agent: Only("Only calls of this agent", "work"),
  user: Only("Only calls for this sender, device or caller", "telegram:*"),
  model: Only("Only calls of this model", "openai/*"),
  profile: Only("Only calls through this auth profile", "openai:work"),
  soft: Type.Number({
    default: 0.8,
    minimum: 0,
    maximum: 1,
    description: "The part of it from which you are warned; 1: not before its end",
  }),
  hard: Type.Boolean({ default: true, description: "Refuse what goes beyond it; false: only warn" }),
};

const usd = Type.Number({ minimum: 0, description: "US dollars" });
const tokens = Type.Integer({ minimum: 0, description: "Tokens, of requests and answers" });

export const LimitConfig = Type.Union([
  Type.Object({ usd, tokens: Type.Optional(tokens), ...rest }, { description: "A limit of money" }),
  Type.Object({ tokens, usd: Type.Optional(usd), ...rest }, { description: "A limit of tokens" }),
]);
export type LimitConfig = Static<typeof LimitConfig>;

export const BudgetsConfig = Type.Object({
  limits: Type.Record(Type.String({ pattern: "^[a-z0-9][a-z0-9_-]*$" }), LimitConfig, {
    default: {},
    description: "What models may use, each limit under a name of your own",
    examples: [{ daily: { per: "day", usd: 5 } }],
  }),
  timeZone: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
      description: "Where days and months begin; absent: as the machine says",
      examples: ["Europe/Berlin"],
    }),
  ),
  unknownPrice: Type.Union([Type.Literal("refuse"), Type.Literal("count-tokens")], {
    default: "refuse",
    description:
      "What becomes of a call whose price nobody knows where a hard limit of money holds: refuse it, or let it pass, count its tokens alone, and warn",
  }),
  answerTokens: Type.Integer({
    default: 1_000,
    minimum: 0,
    description: "How long an answer is expected to be that may have any length, while it is not there yet",
  }),
  heldMs: Type.Integer({
    default: 3_600_000,
    minimum: 1,
    description: "After this long a call of whose end nobody told is taken to have used what was expected",
  }),
});
export type BudgetsConfig = Static<typeof BudgetsConfig>;

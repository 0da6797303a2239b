/** The `budgets` section of the configuration. */
import { BudgetPeriod } from "@pincer/plugin-sdk/contracts/budgets";
import { AnswerTokens, UnknownPrice } from "@pincer/plugin-sdk/provider/expected-cost";
import { type Static, Type } from "@sinclair/typebox";
import { DIMENSIONS } from "./whose.ts";

const Only = (what: string, example: string) =>
  Type.Optional(Type.String({ minLength: 1, description: `${what}; \`*\` stands for any text`, examples: [example] }));

const rest = {
  per: Type.Unsafe<BudgetPeriod>({ ...BudgetPeriod, description: "What it is counted over" }),
  each: Type.Optional(
    Type.Union(
      DIMENSIONS.map((dimension) => Type.Literal(dimension)),
      { description: "Each of them has the limit for itself" },
    ),
  ),
  agent: Only("Only calls of this agent", "work"),
  principal: Only("Only calls for whom the gateway itself knows: a sender, a device, or shared", "shared"),
  user: Only("Only calls for this sender, device or caller, under each name that a caller gives to users of its own", "telegram:*"),
  model: Only("Only calls of this model, also by a dated or regional name of it", "openai/*"),
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
  unknownPrice: UnknownPrice,
  answerTokens: AnswerTokens,
  heldMs: Type.Integer({
    default: 3_600_000,
    minimum: 1,
    description: "After this long a call of whose end nobody told is taken to have used what was expected",
  }),
});
export type BudgetsConfig = Static<typeof BudgetsConfig>;

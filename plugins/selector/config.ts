/** The `selector` section of the configuration. */
import { Thinking } from "@pincer/plugin-sdk/contracts/provider";
import { AnswerTokens, UnknownPrice } from "@pincer/plugin-sdk/provider/expected-cost";
import { type Static, Type } from "@sinclair/typebox";

const Text = Type.String({ minLength: 1 });
const texts = (description: string) => Type.Array(Text, { default: [], maxItems: 500, description });
const oneOrMore = (description: string) => Type.Optional(Type.Union([Text, Type.Array(Text, { minItems: 1 })], { description }));
/** Matched as it stands: capitals count, since what ignores them may take long. */
const pattern = (description: string) => Type.String({ minLength: 1, format: "regex", description });
const hour = Type.Integer({ minimum: 0, maximum: 24 });
const dollars = (description: string) => Type.Optional(Type.Number({ minimum: 0, description }));

export const When = Type.Object(
  {
    agent: oneOrMore("Agents"),
    channel: oneOrMore("Channels, such as telegram"),
    private: Type.Optional(Type.Boolean({ description: "Whether the message is private" })),
    words: Type.Optional(Type.Array(Text, { minItems: 1, description: "Any of these words or phrases, whatever their capitals" })),
    pattern: Type.Optional(pattern("A regular expression")),
    attachments: Type.Optional(Type.Boolean({ description: "Whether files came with it" })),
    longerThan: Type.Optional(Type.Integer({ minimum: 0, description: "Characters" })),
    hour: Type.Optional(
      Type.Object({ from: hour, to: hour }, { description: "Hours of the gateway's day, `to` not included; over midnight too" }),
    ),
    thinking: Type.Optional(Type.Unsafe<Thinking>({ ...Thinking, description: "This much thinking or more was asked for" })),
  },
  { default: {}, description: "All of these together; what is absent matches everything" },
);
export type When = Static<typeof When>;

const Rule = Type.Object({
  when: When,
  use: Type.Union([Text, Type.Array(Text, { minItems: 1 })], {
    description: "A model or an alias, or several: the first that can be used",
  }),
  because: Type.Optional(Type.String({ description: "For people who look at why" })),
});

export const Tiers = Type.Object({
  simple: Type.Optional(Text),
  normal: Type.Optional(Type.String({ minLength: 1, description: "Absent: the configured default" })),
  hard: Type.Optional(Text),
});
export type Tiers = Static<typeof Tiers>;

export const Ceiling = Type.Object({
  usdPerCall: dollars("What one call may cost by estimate: the conversation so far, and an answer of `answerTokens`"),
  usdPerMillionOutput: dollars("What a model may ask for a million tokens of its answers"),
  answerTokens: AnswerTokens,
  unknownPrice: UnknownPrice,
});
export type Ceiling = Static<typeof Ceiling>;

export const Weights = Type.Object({
  length: Type.Number({ default: 25, description: "A long text" }),
  code: Type.Number({ default: 20, description: "Code in it" }),
  reasoning: Type.Number({ default: 30, description: "Words that ask for reasons, comparisons, plans" }),
  steps: Type.Number({ default: 15, description: "Several questions or things to do" }),
  tools: Type.Number({ default: 10, description: "Files, addresses and commands that it speaks of" }),
  thinking: Type.Number({ default: 40, description: "How much thinking was asked for" }),
  failed: Type.Number({ default: 30, description: "The answer before failed" }),
  attachments: Type.Number({ default: 10, description: "Files that came with it" }),
  conversation: Type.Number({ default: 10, description: "A long conversation before it" }),
  urgent: Type.Number({ default: -15, description: "Somebody waits: a quick model rather than a strong one" }),
});
export type Weights = Static<typeof Weights>;

export const SelectorConfig = Type.Object({
  rules: Type.Array(Rule, { default: [], maxItems: 200, description: "The first whose conditions hold and whose model can be used" }),
  tiers: Tiers,
  local: Type.Optional(
    Type.Array(Text, {
      description:
        "Endpoints that count as local, and no others; absent: those whose address is one of this machine or of a private network",
    }),
  ),
  ceiling: Ceiling,
  agents: Type.Record(Type.String(), Type.Object({ tiers: Type.Optional(Tiers), ceiling: Type.Optional(Ceiling) }), {
    default: {},
    description: "Instead of those, by agent",
  }),
  privacy: Type.Object({
    patterns: Type.Array(pattern("A regular expression"), { default: [], maxItems: 50, description: "A message that matches is private" }),
    words: texts("A message with one of these words or phrases is private, whatever their capitals"),
    agents: texts("All that is said to these agents is private"),
    channels: texts("All that comes from these channels is private"),
    files: Type.Boolean({ default: false, description: "Images and documents are private: nothing can be looked for in them" }),
    overChoice: Type.Boolean({ default: false, description: "Also where somebody named a model: one that is not local is refused then" }),
  }),
  urgent: Type.Object({
    words: texts("Further words that say that somebody waits"),
    channels: texts("Channels on which somebody always waits"),
  }),
  weights: Weights,
  thresholds: Type.Object({
    normal: Type.Number({ default: 20, description: "Points from which a message is no longer simple" }),
    hard: Type.Number({ default: 50, description: "Points from which it is hard" }),
  }),
});
export type SelectorConfig = Static<typeof SelectorConfig>;

/** Whether anything is set that could say another model than the configured default. */
export const isConfigured = ({ rules, tiers, ceiling, agents, privacy }: SelectorConfig): boolean =>
  [rules, Object.keys(tiers), Object.keys(agents), privacy.patterns, privacy.words, privacy.agents, privacy.channels].some(
    ({ length }) => length > 0,
  ) ||
  privacy.files ||
  isBound(ceiling);

export const isBound = ({ usdPerCall, usdPerMillionOutput }: Ceiling): boolean =>
  usdPerCall !== undefined || usdPerMillionOutput !== undefined;

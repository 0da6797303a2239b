/** Which model was taken for a turn, and why: told to clients while it runs, and kept beside the answer. */
import { type Static, Type } from "@sinclair/typebox";

/** What of a message was looked at. `points` are `value` times `weight`. */
export const Feature = Type.Object({
  name: Type.String(),
  /** From 0, nothing of it, to 1. */
  value: Type.Number(),
  weight: Type.Number(),
  points: Type.Number(),
});
export type Feature = Static<typeof Feature>;

export const Tier = Type.Union([Type.Literal("simple"), Type.Literal("normal"), Type.Literal("hard")]);
export type Tier = Static<typeof Tier>;

export const Selection = Type.Object({
  /** `endpoint/model`; absent: the configured default, or none where it is `refused`. */
  model: Type.Optional(Type.String()),
  /** `chosen`: somebody named the model. `local`: any that is local, since no rule or tier names one. `default`: nothing else applied. */
  by: Type.Union([
    Type.Literal("chosen"),
    Type.Literal("rule"),
    Type.Literal("score"),
    Type.Literal("local"),
    Type.Literal("default"),
    Type.Literal("none"),
  ]),
  /** For people. */
  why: Type.String(),
  /** The conversation holds what is private: from now on it goes to no model that is not local, unless somebody names it. */
  private: Type.Boolean(),
  /** Which rule, counted from 1. */
  rule: Type.Optional(Type.Integer()),
  tier: Type.Optional(Tier),
  score: Type.Optional(Type.Number()),
  features: Type.Optional(Type.Array(Feature)),
  /** Models that came before it and were not taken. */
  passedOver: Type.Array(Type.Object({ model: Type.String(), why: Type.String() })),
  /** As in a request to `llm`. */
  within: Type.Optional(Type.Array(Type.String())),
  /** No model may answer: why, and what to do. */
  refused: Type.Optional(Type.String()),
});
export type Selection = Static<typeof Selection>;

/** What the agent keeps in a session's row, and which model and thinking level a session has chosen. */
import type { Facet } from "@pincer/plugin-sdk";
import { type ModelInfo, type Thinking, thinkingLevels } from "@pincer/plugin-sdk/contracts/provider";
import type { Session } from "@pincer/plugin-sdk/contracts/sessions";
import { type TSchema, Type } from "@sinclair/typebox";

const facet = (schema: TSchema, summary: string, patch?: Facet["patch"]): Facet => ({
  schema,
  summary,
  ...(patch === undefined ? {} : { patch }),
});
const text = Type.String({ minLength: 1, maxLength: 512 });
const tokens = Type.Integer({ minimum: 0, default: 0 });

export const facets: Readonly<Record<string, Facet>> = {
  model: facet(text, "The session's model", "operator.write"),
  modelProvider: facet(text, "Where the session's model runs"),
  modelOverrideSource: facet(Type.Literal("user"), "Set while the session has a model of its own"),
  modelSelection: facet(
    Type.Object({ shown: Type.String(), chosen: Type.Union([Type.String(), Type.Null()]) }),
    "What `model` shows, and what was chosen for it",
  ),
  localOnly: facet(Type.Boolean(), "The conversation holds what is private, and goes to local models alone, unless somebody names another"),
  thinkingLevel: facet(text, "How much the model thinks", "operator.write"),
  verboseLevel: facet(
    Type.Union([Type.Literal("off"), Type.Literal("on"), Type.Literal("full")]),
    "How much clients show of the tools that run",
    "operator.admin",
  ),
  contextTokens: facet(Type.Integer({ minimum: 0 }), "Size of the model's context window"),
  inputTokens: facet(tokens, "Tokens that models were given"),
  outputTokens: facet(tokens, "Tokens that models answered"),
  totalTokens: facet(tokens, "Tokens that the conversation fills the context window with"),
  totalTokensFresh: facet(Type.Boolean({ default: false }), "Whether `totalTokens` is what the provider counted last"),
  estimatedCostUsd: facet(Type.Number({ minimum: 0 }), "What the session has cost, as far as prices are known"),
  // A client names its run as it likes.
  lastRunId: facet(Type.String({ minLength: 1 }), "The last run"),
  lastRunError: facet(Type.String(), "Why the last run failed"),
};

/** What was written into `model`, and what of it was a choice. */
interface WrittenModel {
  readonly shown: string;
  readonly chosen: string | null;
}

/**
 * The model that somebody chose for the session. `model` shows what ran last, so that lists say it; it is a choice when it is not what the
 * last run wrote there.
 */
export function chosenModel({ facets: values }: Pick<Session, "facets">): string | undefined {
  const model = typeof values.model === "string" && values.model !== "" ? values.model : undefined;
  const written = values.modelSelection as WrittenModel | undefined;
  if (written === undefined || model === undefined) return model;
  return model === written.shown ? (written.chosen ?? undefined) : model;
}

export const modelFacets = (model: ModelInfo, chosen: string | undefined): Readonly<Record<string, unknown>> => ({
  model: model.id,
  modelProvider: model.endpoint,
  modelOverrideSource: chosen === undefined ? null : "user",
  modelSelection: { shown: model.id, chosen: chosen ?? null },
});

const otherNames: Readonly<Record<string, Thinking>> = {
  none: "off",
  min: "minimal",
  med: "medium",
  max: "xhigh",
  "x-high": "xhigh",
  highest: "xhigh",
};

/** `undefined` for a word that names no level. */
export function thinkingLevel(word: unknown): Thinking | undefined {
  if (typeof word !== "string") return undefined;
  const level = word.trim().toLowerCase();
  return otherNames[level] ?? thinkingLevels.find((known) => known === level);
}

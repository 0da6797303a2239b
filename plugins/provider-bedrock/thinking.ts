/** How a model on Bedrock is told to think: for most in fields that only its own vendor knows, which Converse hands on as they are. */
import type { OutputConfig } from "@aws-sdk/client-bedrock-runtime";
import type { Thinking } from "@pincer/plugin-sdk/contracts/provider";
import type { Abilities, Effort } from "./families.ts";

interface ThinkingParams {
  /** Of `additionalModelRequestFields`. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly effort?: OutputConfig["effort"];
  /** The model bounds its answer itself, and refuses to be told. */
  readonly isUnbounded?: boolean;
}

const BUDGETS: Readonly<Record<Exclude<Thinking, "off">, number>> = { minimal: 1024, low: 2048, medium: 8192, high: 16_384, xhigh: 24_576 };
const SMALLEST_BUDGET = 1024;

interface ThinkingOptions {
  readonly maxTokens: number;
  /** The last answer has no thinking of this model before its tool calls, which a budget does not allow. */
  readonly interrupted: boolean;
  /** A tool must be called, which rules thinking out where that can be. */
  readonly forced: boolean;
}

export function thinkingParams(level: Thinking | undefined, abilities: Abilities, options: ThinkingOptions): ThinkingParams {
  const { thinks, canRest, efforts } = abilities;
  // The newest think when nothing is said.
  if (level === undefined && options.forced && thinks === "adaptive") return { fields: { thinking: { type: "disabled" } } };
  if (thinks === "none" || level === undefined) return { fields: {} };
  const rests = canRest && (level === "off" || options.forced);
  const wanted: Effort = level === "off" || level === "minimal" ? "low" : level;
  const effort = efforts.includes(wanted) ? wanted : efforts.at(-1);
  if (thinks === "budget") {
    const budget = rests || level === "off" || options.interrupted ? 0 : Math.min(BUDGETS[level], options.maxTokens - SMALLEST_BUDGET);
    return { fields: budget < SMALLEST_BUDGET ? {} : { thinking: { type: "enabled", budget_tokens: budget } } };
  }
  if (thinks === "nova") {
    if (rests) return { fields: { reasoningConfig: { type: "disabled" } } };
    return { fields: { reasoningConfig: { type: "enabled", maxReasoningEffort: effort } }, isUnbounded: effort === "high" };
  }
  if (thinks === "gpt-oss") return { fields: { reasoning_effort: effort } };
  if (rests) return { fields: { thinking: { type: abilities.thinksBetween ? "between_tools" : "disabled" } } };
  return { fields: { thinking: { type: "adaptive", display: "summarized" } }, ...(effort === undefined ? {} : { effort }) };
}

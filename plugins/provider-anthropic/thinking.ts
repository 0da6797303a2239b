/** How a model of the Messages API is told to think: adaptively with an effort, or within a budget of tokens. */

import type Anthropic from "@anthropic-ai/sdk";
import type { Thinking } from "@pincer/plugin-sdk/contracts/provider";

type Effort = "low" | "medium" | "high" | "xhigh";

/** What a model accepts, from the vendor's list of models or, before that was read, from its name. */
export interface Abilities {
  readonly mode: "adaptive" | "budget" | "none";
  /** How it is kept from thinking; absent: it cannot be. */
  readonly off?: "disabled" | "between_tools";
  readonly efforts: readonly Effort[];
  readonly vision: boolean;
  readonly documents: boolean;
  readonly contextWindow: number | null;
  readonly maxOutputTokens: number | null;
}

export function abilitiesOf(info: Pick<Anthropic.ModelInfo, "capabilities" | "max_input_tokens" | "max_tokens" | "id">): Abilities {
  const can = info.capabilities;
  const limits = { contextWindow: info.max_input_tokens, maxOutputTokens: info.max_tokens };
  if (!can) return { ...abilitiesByName(info.id), ...limits };
  const { adaptive, enabled, disabled, between_tools } = can.thinking.types;
  const efforts = (["low", "medium", "high", "xhigh"] as const).filter((level) => can.effort[level]?.supported === true);
  const off = disabled.supported ? "disabled" : between_tools?.supported ? "between_tools" : undefined;
  return {
    mode: adaptive.supported ? "adaptive" : enabled.supported ? "budget" : "none",
    ...(off === undefined ? {} : { off }),
    efforts,
    vision: can.image_input.supported,
    documents: can.pdf_input.supported,
    ...limits,
  };
}

/**
 * From 4.6 on models think adaptively; Fable, Mythos and Opus from 5.5 on always do, and Sonnet 5.5 at least between its tools. A name
 * that is not the vendor's own belongs to another server that speaks this API, where a budget is what is commonly understood.
 */
export function abilitiesByName(id: string): Abilities {
  const unknown = { vision: true, documents: true, contextWindow: null, maxOutputTokens: null };
  const [, family = "", major = "0", minor = "0"] = /^claude-(opus|sonnet|haiku|fable|mythos)-(\d+)(?:-(\d{1,2})(?!\d))?/.exec(id) ?? [];
  if (family === "" && !id.startsWith("claude-")) return { mode: "budget", off: "disabled", efforts: [], ...unknown };
  const version = Number(major) + Number(minor) / 10;
  const alwaysOn = family === "fable" || family === "mythos" || family === "" || (family === "opus" && version >= 5.5);
  if (!alwaysOn && version < 4.6) return { mode: "budget", off: "disabled", efforts: [], ...unknown };
  const efforts: readonly Effort[] = !alwaysOn && version < 4.7 ? ["low", "medium", "high"] : ["low", "medium", "high", "xhigh"];
  if (alwaysOn) return { mode: "adaptive", efforts, ...unknown };
  return { mode: "adaptive", off: family === "sonnet" && version >= 5.5 ? "between_tools" : "disabled", efforts, ...unknown };
}

const BUDGETS: Readonly<Record<Exclude<Thinking, "off">, number>> = { minimal: 1024, low: 2048, medium: 8192, high: 16_384, xhigh: 24_576 };
const SMALLEST_BUDGET = 1024;

type ThinkingParams = Pick<Anthropic.MessageCreateParamsStreaming, "thinking" | "output_config">;

/** The API takes thinking and a forced tool call for a contradiction: what cannot be kept from thinking cannot be forced either. */
export const isForcible = ({ mode, off }: Abilities): boolean => mode === "none" || off === "disabled";

interface ThinkingOptions {
  readonly maxTokens: number;
  /** The last answer has no thinking of this model before its tool calls, which a budget does not allow. */
  readonly interrupted: boolean;
  /** The choice of a tool is forced upon it. */
  readonly forced: boolean;
}

export function thinkingParams(level: Thinking | undefined, abilities: Abilities, options: ThinkingOptions): ThinkingParams {
  const { mode, off, efforts } = abilities;
  const { maxTokens, interrupted, forced } = options;
  // The newest think when nothing is said.
  if (forced && mode === "adaptive") return { thinking: { type: "disabled" } };
  if (mode === "none" || level === undefined) return {};
  if (mode === "budget") {
    const budget = level === "off" || interrupted || forced ? 0 : Math.min(BUDGETS[level], maxTokens - SMALLEST_BUDGET);
    return budget < SMALLEST_BUDGET ? {} : { thinking: { type: "enabled", budget_tokens: budget } };
  }
  if (level === "off" && off !== undefined) return { thinking: { type: off } };
  const wanted = level === "off" || level === "minimal" ? "low" : level;
  const effort = efforts.includes(wanted) ? wanted : efforts.at(-1);
  return { thinking: { type: "adaptive", display: "summarized" }, ...(effort === undefined ? {} : { output_config: { effort } }) };
}

/** Levels of thinking in OpenRouter's words. Which of them a model takes stands in its list. */
import type { Thinking } from "@pincer/plugin-sdk/contracts/provider";

const ORDER = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
type Effort = (typeof ORDER)[number];

export interface Efforts {
  /** From little to much; `undefined`: any. */
  readonly levels: readonly Effort[] | undefined;
  /** It cannot be told not to think. */
  readonly mandatory: boolean;
}

/** Of the field `reasoning` of a model's entry. */
export function effortsIn(reasoning: unknown): Efforts | undefined {
  if (typeof reasoning !== "object" || reasoning === null) return undefined;
  const { supported_efforts: given, mandatory } = reasoning as { readonly supported_efforts?: unknown; readonly mandatory?: unknown };
  const levels = Array.isArray(given) ? ORDER.filter((effort) => effort !== "none" && given.includes(effort)) : undefined;
  return { levels: levels === undefined || levels.length === 0 ? undefined : levels, mandatory: mandatory === true };
}

/** The nearest that the model takes, rather more than less; the most it has for what is beyond it. */
function nearest(wanted: Effort, levels: readonly Effort[] = ORDER): Effort {
  return levels.find((effort) => ORDER.indexOf(effort) >= ORDER.indexOf(wanted)) ?? levels.at(-1) ?? wanted;
}

/** The `reasoning` of a request. Of a model of which nothing is known less is said: some must think, and refuse to be told not to. */
export function reasoningParams(thinking: Thinking | undefined, efforts: Efforts | undefined): object {
  if (thinking === undefined) return {};
  if (thinking !== "off") return { reasoning: { effort: nearest(thinking, efforts?.levels) } };
  if (efforts === undefined) return {};
  return { reasoning: efforts.mandatory ? { effort: nearest("minimal", efforts.levels) } : { enabled: false } };
}

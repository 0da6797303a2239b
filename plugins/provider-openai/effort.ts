/** Levels of thinking in the words of the models: which efforts a model of OpenAI's takes is told by its name. */
import type { Thinking } from "@pincer/plugin-sdk/contracts/provider";

export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh";

/** `undefined`: a model that does not reason, or one of another vendor. */
export function effortsOf(id: string): readonly Effort[] | undefined {
  const name = id.slice(id.lastIndexOf("/") + 1);
  if (/^o\d/.test(name)) return ["low", "medium", "high"];
  const [, major, minor = "0"] = /^gpt-(\d+)(?:\.(\d+))?/.exec(name) ?? [];
  const version = Number(major) + Number(minor) / 100;
  if (major === undefined || version < 5 || /-chat\b/.test(name)) return undefined;
  if (/-pro\b/.test(name)) return version < 5.02 ? ["high"] : ["medium", "high", "xhigh"];
  if (version < 5.01) return /codex/.test(name) ? ["low", "medium", "high"] : ["minimal", "low", "medium", "high"];
  if (version < 5.02) return /codex-max/.test(name) ? ["low", "medium", "high", "xhigh"] : ["none", "low", "medium", "high"];
  return version > 6 ? ["low", "medium", "high", "xhigh"] : ["none", "low", "medium", "high", "xhigh"];
}

const ORDER: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh"];

/** The nearest effort that the model takes, rather more than less; the most it has for what is beyond it. */
export function effortFor(level: Thinking, efforts: readonly Effort[]): Effort {
  const wanted = ORDER.indexOf(level === "off" ? "none" : level);
  return efforts.find((effort) => ORDER.indexOf(effort) >= wanted) ?? efforts.at(-1) ?? "medium";
}

/** What the families of models on Bedrock understand. Their vendors differ, and the list of models says little of it: the id tells. */

export type Effort = "low" | "medium" | "high" | "xhigh";

export interface Abilities {
  /** How it is told to think: by an effort alone, within a budget of tokens, in the words of its own vendor, or not at all. */
  readonly thinks: "adaptive" | "budget" | "nova" | "gpt-oss" | "none";
  /** It can be kept from thinking. */
  readonly canRest: boolean;
  /** It thinks at least between its tools, and takes no tool call that is forced upon it. */
  readonly thinksBetween?: boolean;
  readonly efforts: readonly Effort[];
  /** Behind what a cache point may stand; in a turn, behind a tool's result too, or not. */
  readonly caches: readonly ("system" | "messages" | "results" | "tools")[];
  readonly isClaude: boolean;
  /** Tokens of an answer; `null`: unknown, and then it is the model's own to bound. */
  readonly maxOutputTokens: number | null;
  readonly vision: boolean;
  readonly documents: boolean;
}

const plain: Abilities = {
  thinks: "none",
  canRest: true,
  efforts: [],
  caches: [],
  isClaude: false,
  maxOutputTokens: null,
  vision: true,
  documents: false,
};

/** `id` is a model's, an inference profile's (`eu.anthropic.…`), or the ARN of either. */
export function abilitiesOf(id: string): Abilities {
  const [, vendor = "", name = ""] = /(?:^|[./])(anthropic|amazon|openai)\.([^/]+)$/.exec(id) ?? [];
  if (vendor === "anthropic" && name.startsWith("claude-")) return claude(name.slice("claude-".length));
  if (vendor === "amazon" && name.startsWith("nova-"))
    return {
      ...plain,
      thinks: name.startsWith("nova-2") ? "nova" : "none",
      efforts: ["low", "medium", "high"],
      caches: ["system", "messages"],
      vision: !name.startsWith("nova-micro"),
      documents: !name.startsWith("nova-micro"),
    };
  if (vendor === "openai" && name.startsWith("gpt-oss"))
    return { ...plain, thinks: "gpt-oss", canRest: false, efforts: ["low", "medium", "high"], vision: false };
  return plain;
}

/** `sonnet-4-5-20250929-v1:0`, or as the older ones are called, `3-7-sonnet-20250219-v1:0`. */
function claude(name: string): Abilities {
  const found = { ...plain, isClaude: true, documents: true, caches: ["system", "messages", "results", "tools"] as const };
  const [, oldMajor, oldMinor = "0"] = /^(\d)(?:-(\d))?-(?:opus|sonnet|haiku)/.exec(name) ?? [];
  if (oldMajor !== undefined || /^(v\d|instant)/.test(name)) {
    const version = Number(oldMajor ?? 2) + Number(oldMinor) / 10;
    if (version >= 3.7) return { ...found, thinks: "budget", maxOutputTokens: 64_000 };
    // Of these one alone has a cache.
    const caches = name.startsWith("3-5-haiku") ? found.caches : [];
    return { ...found, caches, maxOutputTokens: version >= 3.5 ? 8192 : 4096, vision: version >= 3, documents: version >= 3 };
  }
  const [, family = "", major = "0", minor = "0"] = /^(opus|sonnet|haiku|fable|mythos)-(\d+)(?:-(\d{1,2})(?!\d))?/.exec(name) ?? [];
  const version = Number(major) + Number(minor) / 10;
  const alwaysOn = family === "" || family === "fable" || family === "mythos" || (family === "opus" && version >= 5.5);
  if (!alwaysOn && version < 4.6)
    return { ...found, thinks: "budget", maxOutputTokens: family === "opus" && version < 4.5 ? 32_000 : 64_000 };
  const efforts: readonly Effort[] = !alwaysOn && version < 4.7 ? ["low", "medium", "high"] : ["low", "medium", "high", "xhigh"];
  const thinksBetween = family === "sonnet" && version >= 5.5;
  return { ...found, thinks: "adaptive", canRest: !alwaysOn, efforts, ...(thinksBetween ? { thinksBetween } : {}) };
}

/** What a message asks for, in plain English words. What is not understood is said not to be, never guessed at. */

export type Intent =
  | { readonly kind: "list"; readonly path: string | undefined }
  | { readonly kind: "read"; readonly path: string }
  | { readonly kind: "write"; readonly path: string; readonly content: string }
  | { readonly kind: "search"; readonly query: string; readonly path: string | undefined }
  | { readonly kind: "find"; readonly pattern: string }
  | { readonly kind: "run"; readonly command: string }
  | { readonly kind: "remember"; readonly fact: string }
  | { readonly kind: "count"; readonly to: number }
  | { readonly kind: "recall" | "time" | "greet" | "thanks" | "bye" | "who" | "help" | "setup" | "markdown" };

/** The bare words of a message: without the time that the agent writes before it, and without the marks around a stranger's text. */
export const spokenText = (text: string): string =>
  text
    .replace(/^\s*\[[^\]\n]*\d{4}-\d{2}-\d{2}[^\]\n]*\]\s*/, "")
    .replace(/^<untrusted-[^>]*>\n?|\n?<\/untrusted-[^>]*>$/g, "")
    .trim();

/** The longest count that is asked for in earnest. */
const MOST_COUNTED = 500;

const unquoted = (text: string): string => text.replace(/^(["'`“])([\s\S]*)["'`”]$/, "$2").trim();
const FILE = /(["'`][^"'`]+["'`]|[\w.@/~-]*[./][\w.@/~-]*|(?-i:[A-Z][A-Z_]{2,}))/;
const WITH = /\s+(?:with|containing|saying|and write)(?:\s+the\s+(?:text|content|words?))?\s*:?\s+/;

const FILES = /\b(?:files|folder|directory|workspace)\b|^ls\b|^list\b/i;

type Rule = readonly [pattern: RegExp, make: (found: RegExpExecArray) => Intent | undefined];

/** What stands behind one of these is theirs to the end, whatever words it has. */
const OPEN: readonly Rule[] = [
  [/^remember(?: that| this)?\s*:?\s+([\s\S]+)$/i, ([, fact = ""]) => ({ kind: "remember", fact: unquoted(fact).replace(/[.!]+$/, "") })],
  [/^(?:run|execute|exec)(?: the command)?\s*:?\s+([\s\S]+)$/i, ([, command = ""]) => ({ kind: "run", command: unquoted(command) })],
  [
    new RegExp(
      `^(?:write|save|create|make)(?: an?| the| me)?(?: new)?(?: file)?(?: called| named)?\\s+${FILE.source}${WITH.source}([\\s\\S]+)$`,
      "i",
    ),
    ([, path = "", content = ""]) => ({ kind: "write", path: unquoted(path), content: unquoted(content) }),
  ],
];

const RULES: readonly Rule[] = [
  [/^(?:hi|hello|hey|hullo|good (?:morning|afternoon|evening|day)|greetings)(?: there| pincer)?\b.{0,12}$/i, () => ({ kind: "greet" })],
  [/^(?:thanks|thank you|cheers|great|perfect|nice|cool)\b.{0,30}$/i, () => ({ kind: "thanks" })],
  [/^(?:bye|goodbye|see you|good night)\b.{0,20}$/i, () => ({ kind: "bye" })],
  [
    /\b(?:add|use|set ?up|connect|configure|get|install)\b.*\b(?:real|other|different|proper|openai|anthropic|claude|gpt|ollama|openrouter|local)\b.*|\b(?:api key|real model)\b/i,
    () => ({ kind: "setup" }),
  ],
  [
    /\b(?:who|what) are you\b|\bare you (?:real|an? (?:ai|model|bot|human|person))\b|\bwhat model\b|\bwhich model\b/i,
    () => ({ kind: "who" }),
  ],
  [/^(?:help|\/help|\?)$|\bwhat can (?:you|i) (?:do|ask|say)\b|\bhow do(?:es)? (?:you|this) work\b/i, () => ({ kind: "help" })],
  [/\bwhat do you (?:remember|know)\b|\b(?:show|read|list)(?: me)?(?: your| my| the)? memor(?:y|ies)\b/i, () => ({ kind: "recall" })],
  [
    /\bwhat(?:'s|s| is)? (?:the )?(?:time|date|day)\b|\b(?:tell me|show me|give me) the (?:time|date)\b|\bcurrent (?:time|date)\b|^(?:the )?(?:time|date)$/i,
    () => ({ kind: "time" }),
  ],
  [/^(?:show|give)(?: me)?(?: some| an?)? (?:markdown|table|example of markdown).*$|^markdown$/i, () => ({ kind: "markdown" })],
  [/^count(?: from (?:1|one))?(?: up)? to (\d{1,4})$/i, ([, to = "0"]) => ({ kind: "count", to: Math.min(Number(to), MOST_COUNTED) })],
  [
    /^find(?: me)?(?: all)?(?: the)? files? (?:named|called|like|matching)\s+(\S+)$/i,
    ([, pattern = ""]) => ({ kind: "find", pattern: unquoted(pattern) }),
  ],
  [
    /^(?:search|grep|look)(?: the files| my files| everywhere)?(?: for)?\s+(["'`][^"'`]+["'`]|.+?)(?:\s+(?:in|inside|under|within)\s+(?:the )?(?:files?|folder|directory|workspace)?\s*(\S+)?)?$/i,
    ([, query = "", path]) => ({ kind: "search", query: unquoted(query), path: path === undefined ? undefined : unquoted(path) }),
  ],
  [
    new RegExp(`^(?:list|ls|show|what)\\b.*\\b(?:in|of|inside|under)\\s+(?:the\\s+)?(?:folder\\s+|directory\\s+)?${FILE.source}$`, "i"),
    ([text, path = ""]) => (FILES.test(text) ? { kind: "list", path: unquoted(path) } : undefined),
  ],
  [
    /^(?:list|ls|show|what)\b(?:[^.]*\b(?:files|folder|directory|workspace))?$/i,
    ([text]) => (FILES.test(text) ? { kind: "list", path: undefined } : undefined),
  ],
  [
    new RegExp(`^(?:read|show|open|cat|print|display|view)(?: me)?(?: the)?(?: file)?(?: contents? of)?\\s+${FILE.source}$`, "i"),
    ([, path = ""]) => ({ kind: "read", path: unquoted(path) }),
  ],
];

const politely = (text: string): string =>
  text
    .trim()
    .replace(/^(?:please|pincer|ok|okay|now|then|can you|could you|would you|will you|i want you to|i'd like you to)[,:]?\s+/i, "")
    .replace(/^(?:please|also|then)[,:]?\s+/i, "")
    .replace(/[\s,]+please[.!?]*$/i, "")
    .replace(/(?<!\.)[.!?]+$/, "")
    .trim();

function match(text: string, rules: readonly Rule[]): Intent | undefined {
  for (const [pattern, make] of rules) {
    const found = pattern.exec(text);
    const intent = found && make(found);
    if (intent) return intent;
  }
  return undefined;
}

/** Longer than any wish that the rules know; only what stands behind an open wish may be longer. */
const LONGEST_WISH = 400;

/** Everything that the message asks for, in its order; empty when any part of it is not understood. */
export function understand(message: string): readonly Intent[] {
  return wishes(message, new Map());
}

/** `known` holds what was made of each remainder, so that no part is looked at twice. */
function wishes(message: string, known: Map<string, readonly Intent[]>): readonly Intent[] {
  const before = known.get(message);
  if (before) return before;
  const text = politely(message);
  const found = text === "" ? [] : split(text, known);
  known.set(message, found);
  return found;
}

function split(text: string, known: Map<string, readonly Intent[]>): readonly Intent[] {
  const open = match(text, OPEN);
  if (open) return [open];
  if (text.length > LONGEST_WISH) return [];
  for (const joint of text.matchAll(/\s*(?:[;\n]+|,?\s+and(?: then)?\s+|,?\s+then\s+|[.!?]\s+)/gi)) {
    const first = match(politely(text.slice(0, joint.index)), RULES);
    const rest = first && wishes(text.slice(joint.index + joint[0].length), known);
    if (first && rest && rest.length > 0) return [first, ...rest];
  }
  const whole = match(text, RULES);
  return whole ? [whole] : [];
}

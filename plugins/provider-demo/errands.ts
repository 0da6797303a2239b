/** One errand for each thing that was asked: which tool to call next, or what to say when there is nothing left to call. */
import type { ToolSpec } from "@pincer/plugin-sdk/contracts/provider";
import { argumentsFor, takes, toolFor, type Work } from "./toolbox.ts";
import type { Intent } from "./understand.ts";
import { codeBlock, countTo, HELP, languageOf, MARKDOWN, SETUP, shown, timeText, WHO } from "./words.ts";

export interface ToolResult {
  readonly text: string;
  readonly failed: boolean;
}

export interface Surroundings {
  readonly tools: readonly ToolSpec[];
  readonly now: number;
  readonly timeZone: string;
}

export type Move =
  | { readonly say: string }
  | { readonly call: { readonly name: string; readonly arguments: Record<string, unknown> }; readonly saying: string };

const MEMORY = "MEMORY.md";

/** `results` are those of the errand's own calls, in order. */
export function nextMove(intent: Intent, results: readonly ToolResult[], around: Surroundings): Move {
  switch (intent.kind) {
    case "list":
      return withTool(
        "list",
        around,
        results[0],
        { path: intent.path },
        `I'll look into ${intent.path ? `\`${intent.path}\`` : "the workspace"}.`,
        (text) => listing(text, intent.path),
      );
    case "read":
      return withTool("read", around, results[0], { path: intent.path }, `I'll read \`${intent.path}\`.`, (text) =>
        text.trim() === "" ? `\`${intent.path}\` is empty.` : `\`${intent.path}\`:\n\n${codeBlock(shown(text), languageOf(intent.path))}`,
      );
    case "write":
      return withTool(
        "write",
        around,
        results[0],
        { path: intent.path, content: `${intent.content}\n` },
        `I'll write \`${intent.path}\`.`,
        () => `Written: \`${intent.path}\`.`,
      );
    case "search":
      return withTool(
        "search",
        around,
        results[0],
        { query: intent.query, path: intent.path, literal: true },
        `I'll search for “${intent.query}”.`,
        (text) =>
          text.trim() === "" ? `Nothing has “${intent.query}” in it.` : `What has “${intent.query}” in it:\n\n${codeBlock(shown(text))}`,
      );
    case "find":
      return withTool("find", around, results[0], { glob: intent.pattern }, `I'll look for \`${intent.pattern}\`.`, (text) =>
        text.trim() === "" ? `No file is called \`${intent.pattern}\`.` : `Found:\n\n${codeBlock(shown(text))}`,
      );
    case "run":
      return withTool("run", around, results[0], { command: intent.command }, `I'll run \`${intent.command.split("\n")[0]}\`.`, (text) =>
        text.trim() === "" ? "It ran, and printed nothing." : `It ran:\n\n${codeBlock(shown(text))}`,
      );
    case "time":
      return toolFor("time", around.tools)
        ? withTool("time", around, results[0], {}, "I'll look at the clock.", (text) => text)
        : { say: timeText(around.now, around.timeZone) };
    case "remember":
      return remember(intent.fact, results, around);
    case "recall":
      if (results[0]?.failed) return { say: "I remember nothing yet: there is no `MEMORY.md`. Try `remember that I like tea`." };
      return withTool("read", around, results[0], { path: MEMORY }, "I'll look into my memory.", (text) =>
        text.trim() === "" ? "I remember nothing yet." : `This is in my \`${MEMORY}\`:\n\n${shown(text.trim())}`,
      );
    case "count":
      return { say: countTo(intent.to) };
    case "greet":
      return { say: `Hello! What shall I do?\n\n${HELP}` };
    case "thanks":
      return { say: "You're welcome." };
    case "bye":
      return { say: "Goodbye. This conversation stays where it is." };
    case "who":
      return { say: WHO };
    case "help":
      return { say: HELP };
    case "setup":
      return { say: SETUP };
    case "markdown":
      return { say: MARKDOWN };
  }
}

const WORDS: Readonly<Record<Work, string>> = {
  list: "lists files",
  read: "reads files",
  write: "writes files",
  search: "searches in files",
  find: "finds files",
  run: "runs commands",
  time: "knows the time",
};
const noTool = (work: Work): Move => ({
  say: `I have no tool here that ${WORDS[work]}. The plugins \`tools-files\` and \`tools-exec\` bring them, and only in your own sessions are all of them allowed.`,
});
const failure = ({ text }: ToolResult): Move => ({
  say: `That did not work:\n\n${codeBlock(shown(text.trim() || "the tool gave no reason"))}`,
});

/** One call, and what to say of its result. */
function withTool(
  work: Work,
  { tools }: Surroundings,
  result: ToolResult | undefined,
  given: Parameters<typeof argumentsFor>[1],
  saying: string,
  answer: (text: string) => string,
): Move {
  if (result) return result.failed ? failure(result) : { say: answer(result.text) };
  const tool = toolFor(work, tools);
  return tool ? { call: { name: tool.name, arguments: argumentsFor(tool, given) }, saying } : noTool(work);
}

function listing(text: string, path: string | undefined): string {
  const names = EMPTY.test(text.trim()) ? [] : text.split("\n").filter((line) => line.trim() !== "");
  const where = path === undefined ? "the workspace" : `\`${path}\``;
  if (names.length === 0) return `There is nothing in ${where}.`;
  const simple = names.length <= 50 && names.every((name) => name.length <= 80 && !name.includes("`"));
  return `In ${where}:\n\n${simple ? names.map((name) => `- \`${name.trim()}\``).join("\n") : codeBlock(shown(text))}`;
}

/** What a tool adds to a text that it does not show whole: such a text must not be written back. */
const NOT_WHOLE = /^\[[^\]]*\]$|… \(\d+ more characters\)$/m;
const EMPTY = /^\S+ is empty$/;

/** Appends where the tool can; otherwise reads what is there and writes it back with one line more. */
function remember(fact: string, results: readonly ToolResult[], { tools }: Surroundings): Move {
  const write = toolFor("write", tools);
  if (!write) return noTool("write");
  const line = `- ${fact.replace(/\s*\n\s*/g, " ")}`;
  const saying = `I'll note that in \`${MEMORY}\`.`;
  const done = (result: ToolResult): Move => (result.failed ? failure(result) : { say: `I'll remember: ${fact}.` });
  const writing = (content: string, append?: true): Move => ({
    call: { name: write.name, arguments: argumentsFor(write, { path: MEMORY, content, ...(append ? { append } : {}) }) },
    saying: append ? saying : "",
  });
  const [before, after] = results;
  if (takes(write, "append")) return before ? done(before) : writing(`${line}\n`, true);
  if (after) return done(after);
  const read = toolFor("read", tools);
  if (!read) return noTool("read");
  if (!before) return { call: { name: read.name, arguments: argumentsFor(read, { path: MEMORY }) }, saying };
  if (before.failed || EMPTY.test(before.text)) return writing(`# Memory\n\n${line}\n`);
  if (NOT_WHOLE.test(before.text)) {
    return { say: `\`${MEMORY}\` has grown too long for me to add to it safely. Add this line to it yourself:\n\n${codeBlock(line)}` };
  }
  return writing(`${before.text.trimEnd()}\n${line}\n`);
}

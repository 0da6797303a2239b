import { textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { Type } from "@sinclair/typebox";
import type { FilesConfig } from "./config.ts";
import { counted, type FileTool, type Workspace } from "./file-tool.ts";
import { type Matcher, startMatcher } from "./matching.ts";
import { type OpenFile, Refusal, readBytes } from "./root.ts";
import { cutLine, decode, shownPath } from "./text.ts";
import { walk } from "./walk.ts";

const GrepArguments = Type.Object({
  pattern: Type.String({ minLength: 1, maxLength: 1_000, description: "Regular expression." }),
  path: Type.Optional(Type.String({ description: "Folder or file." })),
  glob: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: "Only files like **/*.ts" })),
  literal: Type.Optional(Type.Boolean()),
  ignoreCase: Type.Optional(Type.Boolean()),
  context: Type.Optional(Type.Integer({ minimum: 0, maximum: 10, description: "Lines around a match." })),
  ignored: Type.Optional(Type.Boolean({ description: "Also what .gitignore names." })),
});

/** Texts are handed over in pieces of about this many characters. */
const batchChars = 1_000_000;

function expression(pattern: string, literal: boolean, ignoreCase: boolean): { source: string; flags: string } {
  const source = literal ? pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&") : pattern;
  const flags = ignoreCase ? "i" : "";
  try {
    new RegExp(source, flags);
    return { source, flags };
  } catch (error) {
    throw new Refusal(`${pattern} is not a regular expression: ${errorMessage(error)}; for plain text say literal: true`);
  }
}

export const grep: FileTool<typeof GrepArguments> = {
  name: "grep",
  summary: "Search the text of files.",
  access: "read",
  parameters: GrepArguments,
  async run({ pattern, path = ".", glob, literal = false, ignoreCase = false, context = 0, ignored }, workspace) {
    const { settings, clock } = workspace;
    const query = { ...expression(pattern, literal, ignoreCase), context, limit: settings.results + 1, lineChars: settings.lineChars };
    await using matcher = startMatcher(query, clock, clock.monotonic() + settings.searchMs);
    const search = new Search(matcher, settings);
    const { files, ended } = filesOf(path, glob?.replace(/^\.?\//, ""), ignored, workspace);
    let skipped = 0;
    for await (const file of files) {
      if (search.isDone) break;
      const bytes = await readBytes(file, settings.searchFileBytes);
      const decoded = bytes && decode(bytes);
      if (decoded) await search.add(file.path, decoded.text);
      else skipped++;
    }
    await search.flush();
    return search.outcome(pattern, path, ended() ?? search.timeOver, skipped);
  },
};

/** The files to look into: the one that is named, or those of the folder. */
function filesOf(path: string, glob: string | undefined, ignored: boolean | undefined, workspace: Workspace) {
  const matcher = glob === undefined ? undefined : new Bun.Glob(glob);
  let ended: () => string | undefined = () => undefined;
  async function* files(): AsyncGenerator<OpenFile, void, void> {
    await using start = await workspace.root.open(path);
    if (start.kind === "file") {
      yield start;
      return;
    }
    const { entries, stopped } = walk(start, workspace, { ignored });
    ended = stopped;
    for await (const entry of entries) {
      if (entry.kind !== "file" || matcher?.match(entry.below) === false) continue;
      await using file = await entry.open();
      if (file) yield file;
    }
  }
  return { files: files(), ended: () => ended() };
}

class Search {
  readonly #lines: string[] = [];
  #texts: string[] = [];
  #paths: string[] = [];
  #chars = 0;
  #hits = 0;
  #shown = 0;
  #lost = false;

  constructor(
    private readonly matcher: Matcher,
    private readonly settings: FilesConfig,
  ) {}

  get #isFull(): boolean {
    return this.#hits > this.settings.results || this.#shown > this.settings.resultChars;
  }

  get isDone(): boolean {
    return this.#lost || this.#isFull;
  }

  get timeOver(): string | undefined {
    return this.#lost ? `after ${this.settings.searchMs / 1_000} s` : undefined;
  }

  async add(path: string, text: string): Promise<void> {
    this.#texts.push(text);
    this.#paths.push(path);
    this.#chars += text.length;
    if (this.#chars >= batchChars) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#texts.length === 0 || this.isDone) return;
    const [texts, paths] = [this.#texts, this.#paths];
    [this.#texts, this.#paths, this.#chars] = [[], [], 0];
    const matches = await this.matcher.match(texts);
    this.#lost = matches === undefined;
    for (const { file, line, text, hit } of matches ?? []) {
      if (hit) this.#hits++;
      if (this.#isFull) return;
      const shown = `${shownPath(paths[file]!)}${hit ? ":" : "-"}${line}${hit ? ":" : "-"} ${cutLine(text, this.settings.matchChars)}`;
      this.#shown += shown.length + 1;
      this.#lines.push(shown);
    }
  }

  outcome(pattern: string, path: string, stopped: string | undefined, skipped: number) {
    const hits = Math.min(this.#hits, this.settings.results);
    const notes = [
      ...(this.#isFull ? ["[there are more matches; narrow the pattern, the path or the glob]"] : []),
      ...(stopped ? [`[the search stopped ${stopped}; narrow the path or use a simpler pattern]`] : []),
      ...(skipped > 0 ? [`[${counted(skipped, "file")} left out: binary or too large]`] : []),
    ];
    const lines = hits === 0 && !stopped ? [`nothing in ${path} matches ${pattern}`] : this.#lines;
    return textOutcome([...lines, ...notes].join("\n"), { matches: hits, complete: notes.length === 0 });
  }
}

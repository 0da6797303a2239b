/** The YAML between the two `---` of a SKILL.md, with the line of each key, and a list of what is not as it should be. */
import { isObject, type Json, type JsonObject } from "./json5.ts";

export interface SkillProblem {
  /** Counts from 1. */
  readonly line: number;
  readonly expected: string;
  readonly came: string;
}

type Path = readonly string[];

const longestFrontMatter = 65_536;
const deepest = 16;
const mostValues = 5_000;
const topKey = /^([A-Za-z0-9_-]+)[ \t]*:/;
/** A value that YAML cannot read because it holds ": " and is in no quotes, as many SKILL.md have it. */
const bareColon = /^([A-Za-z0-9_-]+):[ \t]+([^\s"'[\]{}>|&*!%@`#].*: .*)$/;

export class FrontMatter {
  readonly problems: SkillProblem[] = [];
  readonly warnings: SkillProblem[] = [];
  /** Absent: there is nothing that could be read; `problems` says why. */
  readonly values: JsonObject | undefined;
  readonly body: string;
  readonly bodyLine: number;
  /** Those of the YAML; the first is the file's second. */
  readonly #lines: readonly string[];

  constructor(text: string) {
    const lines = text.replace(/^\ufeff/, "").split(/\r\n?|\n/);
    const end = lines.findIndex((line, at) => at > 0 && line.trimEnd() === "---");
    const opens = lines[0]?.trimEnd() === "---";
    this.#lines = opens && end > 0 ? lines.slice(1, end) : [];
    this.bodyLine = opens && end > 0 ? end + 2 : 1;
    this.body = lines
      .slice(this.bodyLine - 1)
      .join("\n")
      .trim();
    if (!opens) this.#fault(1, "--- in the first line, before name and description", shown(lines[0]));
    else if (end < 0) this.#fault(lines.length, "--- in a line of its own behind name and description", "the end of the file");
    else this.values = this.#read();
  }

  /** Something is not as it should be; `came` is what stands there when it is not said. */
  expect(path: Path, expected: string, came?: string): void {
    this.problems.push(this.#problem(path, expected, came));
  }

  warn(path: Path, expected: string, came?: string): void {
    this.warnings.push(this.#problem(path, expected, came));
  }

  at(path: Path): Json | undefined {
    let found: Json | undefined = this.values;
    for (const step of path) found = found !== undefined && isObject(found) && Object.hasOwn(found, step) ? found[step] : undefined;
    return found ?? undefined;
  }

  text(path: Path): string | undefined {
    const value = this.at(path);
    if (value === undefined || typeof value === "string") return value;
    const quoted = typeof value === "number" || typeof value === "boolean" ? `, "${value}" in quotes for example` : "";
    this.expect(path, `text${quoted}`, kindOf(value));
    return undefined;
  }

  flag(path: Path): boolean | undefined {
    const value = this.at(path);
    if (value === undefined || typeof value === "boolean") return value;
    this.expect(path, "true or false", kindOf(value));
    return undefined;
  }

  /** A list of texts; a single text is a list of one. */
  texts(path: Path): readonly string[] {
    const value = this.at(path);
    if (value === undefined) return [];
    if (typeof value === "string") return [value];
    if (Array.isArray(value) && value.every((entry) => typeof entry === "string")) return value;
    this.expect(path, "a list of texts", kindOf(value));
    return [];
  }

  atMost(path: Path, value: string, most: number): void {
    const length = [...value].length;
    if (length > most) this.expect(path, `at most ${most} characters`, `${length}`);
  }

  #read(): JsonObject | undefined {
    const length = this.#lines.join("\n").length;
    if (length > longestFrontMatter) return this.#fault(1, `at most ${longestFrontMatter} characters up to the second ---`, `${length}`);
    const seen = new Map<string, number>();
    for (const [at, line] of this.#lines.entries()) {
      const key = topKey.exec(line)?.[1];
      if (key === undefined) continue;
      const first = seen.get(key);
      if (first !== undefined) return this.#fault(at + 2, "each key once", `${key} again, first written in line ${first}`);
      seen.set(key, at + 2);
    }
    let read = parse(this.#lines);
    if (!read.ok) {
      const mended = this.#lines.map((line) => line.replace(bareColon, (_, key, value) => `${key}: ${JSON.stringify(value.trim())}`));
      const again = parse(mended);
      if (again.ok) {
        for (const [at, line] of mended.entries()) {
          if (line !== this.#lines[at])
            this.warnings.push({ line: at + 2, expected: 'quotes around a text with ": " in it', came: "none" });
        }
        read = again;
      }
    }
    if (!read.ok) return this.#fault(faultLine(this.#lines) + 2, "YAML", read.why);
    const values = copyOf(read.value, deepest, { left: mostValues });
    if (values === undefined) return this.#fault(2, `at most ${deepest} levels and ${mostValues} values`, "more");
    if (values === null) return this.#fault(2, "name and description", "nothing");
    return isObject(values) ? values : this.#fault(2, "lines such as name: my-skill", kindOf(values));
  }

  #fault(line: number, expected: string, came: string): undefined {
    this.problems.push({ line, expected, came });
  }

  #problem(path: Path, expected: string, came: string | undefined): SkillProblem {
    const value = this.at(path);
    return {
      line: this.#lineOf(path),
      expected: `${path.join(".")}: ${expected}`,
      came: came ?? (value === undefined ? "nothing" : kindOf(value)),
    };
  }

  /** Where the last of the keys stands that is written at all. */
  #lineOf(path: Path): number {
    let line = 0;
    let found = 1;
    for (const [depth, key] of path.entries()) {
      const before = depth === 0 ? "^[\"']?" : "(?:^|[\\s{,])[\"']?";
      const pattern = new RegExp(`${before}${key.replace(/[^\w]/g, "\\$&")}["']?\\s*:`);
      const at = this.#lines.findIndex((written, index) => index >= line && pattern.test(written));
      if (at < 0) break;
      line = at;
      found = at + 2;
    }
    return found;
  }
}

export function kindOf(value: Json): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "string") return shown(value);
  return typeof value === "object" ? "a map" : `the ${typeof value} ${value}`;
}

const shown = (text = ""): string => (text === "" ? "an empty text" : JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text));

type Read = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: string };

function parse(lines: readonly string[]): Read {
  try {
    return { ok: true, value: Bun.YAML.parse(lines.join("\n")) };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^YAML Parse error: /, "") : String(error);
    return { ok: false, why: why.toLowerCase() };
  }
}

/** Bun does not say where the fault is: it is in the first entry after which what stands so far cannot be read. */
function faultLine(lines: readonly string[]): number {
  const starts = lines.flatMap((line, at) => (/^[^\s#]/.test(line) ? [at] : []));
  for (const [at, start] of starts.entries()) if (!parse(lines.slice(0, starts[at + 1])).ok) return start;
  return 0;
}

/** Plain JSON of what YAML gave, which aliases may make huge or endless. `undefined`: it is. */
function copyOf(value: unknown, depth: number, budget: { left: number }): Json | undefined {
  if (--budget.left < 0 || depth < 0) return undefined;
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const item of value) {
      const copied = copyOf(item, depth - 1, budget);
      if (copied === undefined) return undefined;
      items.push(copied);
    }
    return items;
  }
  if (typeof value === "object" && value !== null) {
    const entries: [string, Json][] = [];
    for (const [key, item] of Object.entries(value)) {
      const copied = copyOf(item, depth - 1, budget);
      if (copied === undefined) return undefined;
      entries.push([key, copied]);
    }
    return Object.fromEntries(entries);
  }
  if (typeof value === "string" || typeof value === "boolean") return value;
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

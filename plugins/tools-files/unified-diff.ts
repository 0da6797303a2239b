/** Unified diffs, as people and models write them: line numbers are a hint, the text around a change is what counts. */
import { nearest } from "./nearest.ts";
import { Refusal } from "./root.ts";

interface Hunk {
  readonly header: string;
  /** First line of the old text, from 1; undefined when the header does not say. */
  readonly start: number | undefined;
  readonly lines: readonly { readonly kind: " " | "-" | "+"; readonly text: string }[];
  /** Whether the old and the new text end without a line feed here. */
  readonly openEnd: { readonly old: boolean; readonly new: boolean };
}

export interface FileDiff {
  /** Undefined for a file that is made. */
  readonly from: string | undefined;
  /** Undefined for a file that is deleted. */
  readonly to: string | undefined;
  readonly hunks: readonly Hunk[];
}

const nothing = "/dev/null";
const expected = "a unified diff was expected: --- a/path, +++ b/path, then hunks that begin with @@ -1,3 +1,4 @@";

/** Git writes unusual names in quotes, with the bytes of UTF-8 in octal. */
function unquote(name: string): string {
  if (!name.startsWith('"')) return name.split("\t", 1)[0]!.trimEnd();
  const escapes: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, '"': 34, "\\": 92, a: 7, b: 8, f: 12, v: 11 };
  const bytes: number[] = [];
  for (const [, octal, escaped, plain] of name.slice(1, name.lastIndexOf('"')).matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (escaped !== undefined) bytes.push(escapes[escaped] ?? escaped.charCodeAt(0));
    else bytes.push(...Buffer.from(plain ?? ""));
  }
  return Buffer.from(bytes).toString();
}

function namesOf(old: string, fresh: string): Pick<FileDiff, "from" | "to"> {
  const [from, to] = [unquote(old), unquote(fresh)];
  const prefixed = (from === nothing || from.startsWith("a/")) && (to === nothing || to.startsWith("b/"));
  const name = (path: string) => (path === nothing ? undefined : prefixed ? path.slice(2) : path);
  return { from: name(from), to: name(to) };
}

/** Throws a `Refusal` for what is no unified diff. */
export function parseDiff(diff: string): FileDiff[] {
  const lines = diff.split(/\r?\n/);
  const isNamed = (at: number) => lines[at]?.startsWith("--- ") === true && lines[at + 1]?.startsWith("+++ ") === true;
  // Inside a hunk these may be lines like any others: only the hunk that follows makes them a header.
  const isHeader = (at: number) => isNamed(at) && lines[at + 2]?.startsWith("@@") === true;
  const files: FileDiff[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!;
    if (/^(GIT binary patch|Binary files )/.test(line)) throw new Refusal("binary changes cannot be applied; only text can be patched");
    if (!isNamed(at)) {
      if (line.startsWith("@@")) throw new Refusal(`line ${at + 1} begins a hunk, but no file was named before it; ${expected}`);
      at++;
      continue;
    }
    const names = namesOf(line.slice(4), lines[at + 1]!.slice(4));
    if (names.from === undefined && names.to === undefined) throw new Refusal(`at line ${at + 1} both names are ${nothing}`);
    const hunks: Hunk[] = [];
    for (at += 2; lines[at]?.startsWith("@@"); ) {
      const end = endOfHunk(lines, at + 1, isHeader);
      hunks.push(parseHunk(lines.slice(at, end), at + 1));
      at = end;
    }
    if (hunks.length === 0) throw new Refusal(`${names.to ?? names.from} has no hunks; ${expected}`);
    files.push({ ...names, hunks });
  }
  if (files.length === 0) throw new Refusal(expected);
  return files;
}

function endOfHunk(lines: readonly string[], from: number, isHeader: (at: number) => boolean): number {
  let end = from;
  while (end < lines.length && !isHeader(end) && !/^(@@|diff --git )/.test(lines[end]!) && /^([ +\\-]|$)/.test(lines[end]!)) end++;
  // Empty lines at the end are the text around the diff; inside, they are context whose blank was lost.
  while (end > from && lines[end - 1] === "") end--;
  return end;
}

function parseHunk([header = "", ...body]: readonly string[], line: number): Hunk {
  const lines: { kind: " " | "-" | "+"; text: string }[] = [];
  const openEnd = { old: false, new: false };
  for (const text of body) {
    const last = lines.at(-1)?.kind;
    if (text.startsWith("\\")) {
      if (last !== "+") openEnd.old = true;
      if (last !== "-") openEnd.new = true;
    } else lines.push({ kind: (text[0] ?? " ") as " " | "-" | "+", text: text.slice(1) });
  }
  if (!lines.some(({ kind }) => kind !== " ")) throw new Refusal(`the hunk at line ${line} of the patch changes nothing; ${expected}`);
  const start = /^@@ -(\d+)/.exec(header)?.[1];
  return { header: header.slice(0, 100), start: start === undefined ? undefined : Number(start), lines, openEnd };
}

/** The text after all hunks. Throws a `Refusal` that shows what was expected and what is there. */
export function applyHunks(path: string, text: string, hunks: readonly Hunk[], ending: string): string {
  const lines = text === "" ? [] : text.split("\n");
  let endsOpen = text !== "" && lines.at(-1) !== "";
  if (text !== "" && !endsOpen) lines.pop();
  const result: string[] = [];
  let done = 0;
  let drift = 0;
  for (const [index, hunk] of hunks.entries()) {
    const old = hunk.lines.flatMap(({ kind, text }) => (kind === "+" ? [] : [text]));
    const guess = hunk.start === undefined ? undefined : Math.max(0, (old.length === 0 ? hunk.start : hunk.start - 1) + drift);
    const at = find(lines, old, done, guess);
    if (at === undefined) throw notFound(path, text, hunk, index, old);
    if (guess !== undefined) drift += at - guess;
    result.push(...lines.slice(done, at));
    let next = at;
    for (const { kind, text } of hunk.lines) {
      if (kind === "+") result.push(ending === "\r\n" && !text.endsWith("\r") ? `${text}\r` : text);
      else if (kind === " ") result.push(lines[next++]!);
      else next++;
    }
    done = next;
    if (done === lines.length) endsOpen = hunk.openEnd.new || (endsOpen && !hunk.openEnd.old && old.length > 0);
  }
  result.push(...lines.slice(done));
  if (result.length === 0) return "";
  const joined = result.join("\n");
  return endsOpen ? joined.replace(/\r$/, "") : `${joined}\n`;
}

/** The place of these lines, at the guess or nearest to it; without a guess, the only one. Line endings do not count. */
function find(lines: readonly string[], old: readonly string[], from: number, guess: number | undefined): number | undefined {
  const plain = (line: string) => (line.endsWith("\r") ? line.slice(0, -1) : line);
  const fits = (at: number) =>
    at >= from && at + old.length <= lines.length && old.every((line, n) => plain(line) === plain(lines[at + n]!));
  if (old.length === 0) return guess === undefined ? (lines.length === 0 ? 0 : undefined) : Math.max(from, Math.min(guess, lines.length));
  if (guess === undefined) {
    const places = lines.flatMap((_, at) => (fits(at) ? [at] : []));
    return places.length === 1 ? places[0] : undefined;
  }
  const near = Math.min(guess, lines.length);
  for (let distance = 0; distance <= lines.length; distance++) {
    if (fits(near - distance)) return near - distance;
    if (fits(near + distance)) return near + distance;
  }
  return undefined;
}

function notFound(path: string, text: string, { header, start }: Hunk, index: number, old: readonly string[]): Refusal {
  const hint = start === undefined ? ", or is there more than once; say the line numbers" : "";
  const near = nearest(text, old.join("\n"));
  const shown = near
    ? `; the nearest is at line ${near.line}:\n${near.text.slice(0, 2_000).toWellFormed()}`
    : "; read the file to see what it holds";
  return new Refusal(`hunk ${index + 1} (${header}) does not fit ${path}: what it expects is not there${hint}${shown}`);
}

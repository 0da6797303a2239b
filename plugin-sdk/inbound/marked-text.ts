/** Text with marks on ranges of it, as Telegram and Signal send it, as Markdown. */

/** Marks in the order in which they open; those that are not named here are no Markdown. */
export interface Marks {
  readonly link?: string | undefined;
  readonly bold?: boolean | undefined;
  readonly italic?: boolean | undefined;
  readonly strike?: boolean | undefined;
  readonly code?: boolean | undefined;
}

export interface Run extends Marks {
  readonly text: string;
}

/** A range in UTF-16 code units, as platforms count them. */
export interface MarkedRange {
  readonly offset: number;
  readonly length: number;
  readonly mark: "bold" | "italic" | "strike" | "code" | "code-block" | "quote" | "link" | "name";
  /** Of a link. */
  readonly url?: string;
  /** Of a code block. */
  readonly language?: string;
  /** What stands in the text's place, such as the name of somebody who is mentioned by a number. */
  readonly name?: string;
}

/** More ranges than a platform gives a message; what goes beyond is not marked. */
const MOST_RANGES = 500;

const SIGNS = { bold: "**", italic: "*", strike: "~~" } as const;
type Sign = keyof typeof SIGNS;
const ORDER: readonly Sign[] = ["bold", "italic", "strike"];

/** Addresses that a person may follow; others are left out, and their text stays. */
export const isSafeUrl = (url: string): boolean => /^(?:https?:\/\/|mailto:|tel:)[^\s<>]+$/i.test(url);

/** Code of any text, on one line. */
export function inlineCode(text: string): string {
  const line = text.replace(/\s*\n\s*/g, " ");
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const ticks = "`".repeat(longest + 1);
  const pad = /^`|`$/.test(line) ? " " : "";
  return `${ticks}${pad}${line}${pad}${ticks}`;
}

/** Code of any text, on lines of its own. */
export function codeBlock(text: string, language = ""): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${/^[\w+#.-]{1,32}$/.test(language) ? language : ""}\n${text.replace(/\n$/, "")}\n${fence}`;
}

/** A link; only its text where the address is none to follow, or says no more than the text. */
export function link(text: string, url: string): string {
  const label = text.trim();
  if (!isSafeUrl(url)) return text;
  const bare = (value: string) => value.replace(/^(?:https?:\/\/|mailto:|tel:)/i, "").replace(/\/$/, "");
  if (label === "" || bare(label) === bare(url)) return url.replace(/^(?:mailto|tel):/i, "");
  return `[${label.replace(/[[\]]/g, "\\$&")}](${url.replaceAll("(", "%28").replaceAll(")", "%29")})`;
}

/** Runs as one text. Blanks at the ends of a mark stand outside it, where Markdown wants them. */
export function joinRuns(runs: readonly Run[]): string {
  const parts: string[] = [];
  let blanks = "";
  let open: Sign[] = [];
  const closeAllBut = (keep: (sign: Sign) => boolean) => {
    const first = open.findIndex((sign) => !keep(sign));
    if (first < 0) return;
    parts.push(
      ...open
        .slice(first)
        .reverse()
        .map((sign) => SIGNS[sign]),
    );
    open = open.slice(0, first);
  };
  for (const run of runs) {
    const core = run.text.trim();
    if (core === "") {
      blanks += run.text;
      continue;
    }
    closeAllBut((sign) => run[sign] === true);
    parts.push(blanks, run.text.slice(0, run.text.length - run.text.trimStart().length));
    blanks = run.text.slice(run.text.trimEnd().length);
    for (const sign of ORDER) {
      if (run[sign] !== true || open.includes(sign)) continue;
      parts.push(SIGNS[sign]);
      open.push(sign);
    }
    const shown = run.code === true ? inlineCode(core) : core;
    parts.push(run.link === undefined ? shown : link(shown, run.link));
  }
  closeAllBut(() => false);
  parts.push(blanks);
  return parts.join("");
}

type Clipped = MarkedRange & { readonly end: number };

/** Runs between the borders of the ranges. */
function runsOf(text: string, from: number, to: number, ranges: readonly Clipped[]): Run[] {
  const inside = ranges.filter(({ offset, end }) => offset < to && end > from);
  const borders = [...new Set([from, to, ...inside.flatMap(({ offset, end }) => [offset, end])])].filter((at) => at >= from && at <= to);
  borders.sort((a, b) => a - b);
  const runs: Run[] = [];
  for (const [index, start] of borders.slice(0, -1).entries()) {
    const end = borders[index + 1]!;
    const here = inside.filter((range) => range.offset <= start && range.end >= end);
    const has = (mark: MarkedRange["mark"]) => here.some((range) => range.mark === mark);
    const named = here.find(({ mark, name }) => mark === "name" && name !== undefined);
    // The name stands where the range begins, and nowhere else.
    if (named !== undefined && named.offset !== start) continue;
    runs.push({
      text: named?.name ?? text.slice(start, end),
      link: here.find(({ mark }) => mark === "link")?.url,
      bold: has("bold"),
      italic: has("italic"),
      strike: has("strike"),
      code: has("code"),
    });
  }
  return runs;
}

/** Ranges that overlap, reach beyond the text, or cut a character in two are made to fit it. */
export function markedText(text: string, ranges: readonly MarkedRange[]): string {
  const fit = (at: number) => {
    const within = Math.min(Math.max(0, Math.trunc(at) || 0), text.length);
    return /[\udc00-\udfff]/.test(text[within] ?? "") && /[\ud800-\udbff]/.test(text[within - 1] ?? "") ? within - 1 : within;
  };
  const clipped = ranges
    .slice(0, MOST_RANGES)
    .map((range): Clipped => ({ ...range, offset: fit(range.offset), end: fit(range.offset + range.length) }))
    .filter(({ offset, end }) => end > offset);
  const blocks = clipped.filter(({ mark }) => mark === "code-block" || mark === "quote").sort((a, b) => a.offset - b.offset);
  const parts: string[] = [];
  let at = 0;
  for (const block of blocks) {
    if (block.offset < at) continue;
    parts.push(joinRuns(runsOf(text, at, block.offset, clipped)).trim());
    const inner = text.slice(block.offset, block.end);
    if (block.mark === "code-block") parts.push(codeBlock(inner, block.language));
    else parts.push(quoted(joinRuns(runsOf(text, block.offset, block.end, clipped)).trim()));
    at = block.end;
  }
  const rest = joinRuns(runsOf(text, at, text.length, clipped));
  return parts.length === 0 ? rest : [...parts, rest.trim()].filter((part) => part !== "").join("\n\n");
}

export const quoted = (text: string): string => text.replace(/^(?=(.?))/gm, (_empty, first: string) => (first === "" ? ">" : "> "));

/** A text that is still being written, as if it ended here: what is open in its last paragraph is closed, and what has only begun is left out. */
import { linesInFences } from "./fences.ts";

/** A longer paragraph is shown as it is. */
const LONGEST = 4_000;

const BEGUN_BLOCK = /(?:^|\n)[ \t>]*(?:[-+*=#]+|\d{1,9}[.)])[ \t]*$/;
const BEGUN_MARK = /(?<!\\)(?:\*+|_+|~+|`+|!?\[)[ \t]*$/;
const HALF_ADDRESS = /!?\[([^[\]\n]*)\]\([^()\s]*$/;
const HALF_LABEL = /!?\[(?![ xX]\])([^[\]\n]*)\]?$/;

const isBlank = (char: string | undefined) => char === undefined || /\s/.test(char);
const isWord = (char: string | undefined) => char !== undefined && /[\p{L}\p{N}]/u.test(char);

/** What closes the marks that are open at the end, in order. */
function closers(text: string): string {
  const open: { readonly sign: string; count: number }[] = [];
  const runs = [...text.matchAll(/\\[^\n]|`+|\*+|_+|~~/g)];
  for (let at = 0; at < runs.length; at++) {
    const run = runs[at]![0];
    const sign = run[0]!;
    const { index } = runs[at]!;
    if (sign === "\\") continue;
    if (sign === "`") {
      const end = runs.findIndex(([other], later) => later > at && other === run);
      // Nothing has a meaning inside code.
      if (end < 0) return run + closing(open);
      at = end;
      continue;
    }
    const [before, after] = [text[index - 1], text[index + run.length]];
    if (sign === "_" && isWord(before) && isWord(after)) continue;
    let left = run.length;
    if (!isBlank(before)) {
      const match = open.findLastIndex((one) => one.sign === sign);
      if (match >= 0) {
        const taken = Math.min(left, open[match]!.count);
        left -= taken;
        open[match]!.count -= taken;
        open.length = open[match]!.count > 0 ? match + 1 : match;
      }
    }
    if (left > 0 && !isBlank(after)) open.push({ sign, count: left });
  }
  return closing(open);
}

const closing = (open: readonly { readonly sign: string; readonly count: number }[]) =>
  open
    .map(({ sign, count }) => sign.repeat(count))
    .reverse()
    .join("");

export function mended(text: string): string {
  let start = 0;
  let end = -1;
  let inside = false;
  for (const { line, fenced } of linesInFences(text)) {
    end += line.length + 1;
    if (fenced || inside || line.trim() === "") start = end;
    inside = fenced;
  }
  if (inside) return text.replace(/\n[ >]*(?:`{1,2}|~{1,2})$/, "");
  let tail = text.slice(start);
  if (tail.length > LONGEST) return text;
  for (const begun of [BEGUN_BLOCK, HALF_ADDRESS, HALF_LABEL, BEGUN_MARK]) {
    tail = tail.replace(begun, (_whole, label?: unknown) => (typeof label === "string" ? label : ""));
  }
  tail = tail.trimEnd();
  return text.slice(0, start) + tail + closers(tail);
}

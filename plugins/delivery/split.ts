/** Splits Markdown to a channel's longest message: at block borders, with code fences closed and opened again, never inside a grapheme. */
const FENCE = /^(?: {0,3})(`{3,}|~{3,})(.*)$/;

interface Fence {
  readonly mark: string;
  readonly info: string;
}

/** The fence that is open at the end of the text, when it began inside `open`. */
function fenceAfter(text: string, open: Fence | undefined): Fence | undefined {
  let fence = open;
  for (const line of text.split("\n")) {
    const match = FENCE.exec(line);
    if (match === null) continue;
    const [, mark = "", info = ""] = match;
    if (fence === undefined) fence = { mark, info };
    else if (mark[0] === fence.mark[0] && mark.length >= fence.mark.length && info.trim() === "") fence = undefined;
  }
  return fence;
}

/** Made when first needed, since it takes 2 ms and every start activates delivery. */
let segmenter: Intl.Segmenter | undefined;
function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** The longest prefix of whole graphemes within the limit; one grapheme when even that is longer. */
function graphemePrefix(text: string, limit: number): number {
  let end = 0;
  for (const { segment, index } of graphemes(text.slice(0, limit + 64))) {
    const next = index + segment.length;
    if (next > limit) break;
    end = next;
  }
  return end > 0 ? end : ([...graphemes(text.slice(0, 1024))][0]?.segment.length ?? text.length);
}

/** Where to cut: behind the last blank line, else line, else sentence, else word, that leaves a part of at least half the limit. */
function cutAt(text: string, limit: number): number {
  const window = text.slice(0, limit);
  for (const border of ["\n\n", "\n", ". ", " "]) {
    const at = window.lastIndexOf(border);
    if (at >= limit / 2) return at + border.length;
  }
  return graphemePrefix(text, limit);
}

/** @param limit longest part, in UTF-16 code units. Text of white space alone gives no part. */
export function splitText(text: string, limit: number): string[] {
  const parts: string[] = [];
  let rest = text.trim();
  let fence: Fence | undefined;
  while (rest !== "") {
    const reopen = fence === undefined ? "" : `${fence.mark}${fence.info}\n`;
    const overhead = reopen.length + (fence?.mark.length ?? 3) + 1;
    if (reopen.length + rest.length <= limit) {
      parts.push(reopen + rest);
      break;
    }
    const cut = cutAt(rest, Math.max(1, limit - overhead));
    const piece = rest.slice(0, cut).trimEnd();
    fence = fenceAfter(piece, fence);
    rest = fence === undefined ? rest.slice(cut).trimStart() : rest.slice(cut).replace(/^\n+/, "");
    const closed = fence === undefined ? piece : `${piece}\n${fence.mark}`;
    if (piece !== "") parts.push(reopen + closed);
  }
  return parts;
}

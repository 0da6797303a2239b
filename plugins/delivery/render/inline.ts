/** What stands in a line. */

import type { Cursor } from "./cursor.ts";
import { edgeOf, type Inline, type Span, textOf } from "./document.ts";
import type { FrameSpec } from "./flow.ts";
import { withoutMentions } from "./markup.ts";
import { isBare } from "./urls.ts";

const AT_MARK = { before: "", after: "" } as const;

/** @param after the character that follows; empty at a blank, a star at a mark. */
export function inline(cursor: Cursor, nodes: readonly Inline[], after = ""): void {
  for (const [index, node] of nodes.entries()) {
    const next = index + 1 < nodes.length ? edgeOf(nodes[index + 1]!) : after;
    switch (node.kind) {
      case "text":
        cursor.text(node.text, next);
        break;
      case "code":
        code(cursor, node.text);
        break;
      case "link":
        link(cursor, node.url, node.children);
        break;
      default:
        span(cursor, node.kind, next, () => inline(cursor, node.children));
    }
  }
}

export function span(cursor: Cursor, kind: Span, after: string, content: () => void): void {
  const { flow, markup, meter } = cursor;
  // What was struck out must not be read as if it held.
  if (flow.isInside(kind)) content();
  else if (cursor.has(kind)) {
    const sign = kind === "strike" ? "~" : "";
    const { open, close } = markup.span(kind, { before: cursor.before, after });
    const spec = { kind, open: meter.mark(open, sign), close: meter.mark(close, sign) };
    if (!cursor.marked(spec, content)) content();
  } else if (kind === "strike") {
    const tilde = meter.shown(markup.text("~", { lineStart: false, ...AT_MARK }, new Set()), "~");
    cursor.within({ kind, open: tilde, close: tilde }, content);
  } else content();
}

function code(cursor: Cursor, text: string): void {
  const { flow, markup, meter } = cursor;
  const alone = markup.codeStandsAlone === true;
  // A piece that begins or ends with a backtick would be one with its mark.
  const fragile = text.includes("`") && meter.size(text) > meter.limit / 4;
  const pair = cursor.has("code") && !fragile && !(alone && flow.isInside("link")) ? markup.code(text) : undefined;
  const marked = (spec: FrameSpec) =>
    cursor.marked(spec, () => cursor.word(markup.verbatim(text), (piece) => meter.shown(markup.codeText(piece), piece)));
  const outside = (spec: FrameSpec) => (alone ? flow.outside(["bold", "italic", "strike"], () => marked(spec)) : marked(spec));
  if (pair === undefined || !outside({ kind: "code", ...cursor.pair(pair) })) cursor.text(text, "");
}

function link(cursor: Cursor, url: string, children: readonly Inline[]): void {
  const label = textOf(children).trim();
  const bare = isBare(url, label);
  if (cursor.has("link") && !cursor.flow.isInside("link") && linked(cursor, url, children, bare ? label : undefined)) return;
  if (bare) cursor.word(withoutMentions(label), cursor.escaped);
  else {
    inline(cursor, children);
    cursor.blank();
    cursor.word(`(${url})`, cursor.escaped, true);
  }
}

/** @param address what it reads as, when that is the address itself. False where it does not fit into a message. */
function linked(cursor: Cursor, url: string, children: readonly Inline[], address: string | undefined): boolean {
  const { flow, markup, meter } = cursor;
  const { open, close } = markup.link(url);
  if (address !== undefined) {
    const bit = meter.shown(markup.bareLink(url, withoutMentions(address)), address);
    if (bit.size <= meter.limit - flow.frame.overhead) {
      cursor.push(bit);
      return true;
    }
  }
  const spec = { kind: "link", open: meter.mark(open), close: meter.mark(close, address === undefined ? ` (${url})` : "") };
  return cursor.linked(spec, () => inline(cursor, children));
}

/** Markdown as a channel shows it: in its markup, with the marks that it has, in messages that it takes. */
import type { ChannelRecord, Mark } from "@pincer/plugin-sdk/contracts/channel";
import { Meter } from "./bit.ts";
import { Cursor } from "./cursor.ts";
import type { Unit } from "./flow.ts";
import { chatHtml, pageHtml } from "./html.ts";
import { layOut } from "./layout.ts";
import { markdown } from "./markdown.ts";
import type { Markup } from "./markup.ts";
import { mended } from "./mend.ts";
import { mrkdwn } from "./mrkdwn.ts";
import { pack } from "./pack.ts";
import { parse } from "./parse.ts";
import { plain } from "./plain.ts";

export interface Message {
  /** In the channel's markup, within its limit. */
  readonly text: string;
  /** The same without marks; absent where the markup is `plain`. */
  readonly plain?: string;
}

export interface RenderOptions {
  /** The text is still being written: marks that are open at its end are closed, and half a link is its label. */
  readonly growing?: boolean;
}

/** Where each line is a message, more than these would be a flood, which such networks punish. */
const MOST_LINES = 30;

function markupOf({ markup, marks }: ChannelRecord): Markup {
  switch (markup) {
    case "markdown":
      return markdown;
    case "mrkdwn":
      return mrkdwn;
    case "plain":
      return plain;
    case "html": {
      const blocks: readonly Mark[] = ["heading", "list", "table"];
      return marks === undefined || blocks.some((mark) => marks.includes(mark)) ? pageHtml : chatHtml;
    }
  }
}

/** Nothing that a protocol of lines, or a terminal, would take for a command. */
const cleaned = (text: string) =>
  text
    .toWellFormed()
    .replace(/\r\n?|[\u0085\u2028\u2029]/g, "\n")
    .replace(/(?![\n\t])\p{Cc}/gu, "");

/** Letters, digits and signs that no markup knows, in paragraphs without indentation, lists or double blanks. */
const isPlain = (text: string) =>
  /^[\p{L}\p{N}.,;!?'"()%$€/…–— \n-]*$/u.test(text) && !/ [ \n]|\n[ -]|\n{3}|(?:^|\n)\d+[.)]|^-|www\./i.test(text);

const isForced = ({ joint }: Unit) => joint === "line" || joint === "tight" || joint === "blank";
const isVisible = (text: string) => /[^\s\p{Cf}]/u.test(text);

/**
 * A text of white space alone gives no message. The same text and record give the same messages.
 * @param record its `textLimit` is at least 20.
 */
export function render(text: string, record: ChannelRecord, { growing = false }: RenderOptions = {}): Message[] {
  const markup = markupOf(record);
  const meter = new Meter(record);
  const message = (out: string, readable: string): Message => (record.markup === "plain" ? { text: out } : { text: out, plain: readable });
  const clean = cleaned(text).trim();
  const short = meter.size(clean) <= meter.limit && markup !== pageHtml && !(record.oneLine && clean.includes("\n"));
  if (short && isPlain(clean) && isVisible(clean)) return [message(clean, clean)];

  const marks = new Set(markup.marks.filter((mark) => record.marks?.includes(mark) ?? true));
  const cursor = new Cursor(markup, meter, marks, record.oneLine === true);
  layOut(cursor, parse(growing ? mended(clean) : clean));
  const parts = pack(cursor.flow, record.oneLine ? isForced : () => false).filter((part) => isVisible(part.plain));
  const messages = parts.map((part) => message(part.out, part.plain));
  if (!record.oneLine || messages.length <= MOST_LINES) return messages;
  const kept = messages.slice(0, MOST_LINES - 1);
  const hint = `(${messages.length - kept.length} more lines: ask for them)`;
  return [...kept, message(hint, hint)];
}

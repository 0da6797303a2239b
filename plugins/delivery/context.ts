/** What a message says to the model: what was written, and in brackets what it is about. */
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";

/** Enough to know which message is meant; what the assistant wrote itself stands in the conversation whole. */
const LONGEST_QUOTE = 500;

/** Anybody may call themselves anything: a name that closed the bracket would go on in the words of whoever handed the message on. */
const nameOf = (text: string): string =>
  text
    .replaceAll(/[\p{C}\p{Z}[\]]+/gu, " ")
    .trim()
    .slice(0, 80);

/** A command takes what stands behind it, so it gets nothing; what was only handed on is nobody's command. */
export function withContext({ text, replyTo, forwarded }: InboundMessage): string {
  const isCommand = text.startsWith("/") && forwarded === undefined;
  const quote = isCommand ? "" : (replyTo?.text?.replaceAll(/\s+/g, " ").trim() ?? "");
  const cut = quote.length > LONGEST_QUOTE ? `${quote.slice(0, LONGEST_QUOTE).trimEnd()} …` : quote;
  return [
    ...(forwarded === undefined ? [] : [`[forwarded${forwarded.from === undefined ? "" : ` from ${nameOf(forwarded.from)}`}]`]),
    text,
    ...(cut === "" ? [] : [`[in reply to${replyTo?.own === true ? " you" : ""}: ${JSON.stringify(cut)}]`]),
  ].join("\n");
}

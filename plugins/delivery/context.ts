/** What a message is about, as the turn is told it: what it answers, in the assistant's words or in somebody else's, and whose text it hands on. */
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import type { TurnRequest } from "@pincer/plugin-sdk/contracts/turn";

/** Enough to know which message is meant; what the assistant wrote itself stands in the conversation whole. */
const LONGEST_QUOTE = 500;

/** Anybody may call themselves anything: a name that closed the bracket would go on in the words of whoever handed the message on. */
const nameOf = (text: string): string =>
  text
    .replaceAll(/[\p{C}\p{Z}[\]]+/gu, " ")
    .trim()
    .slice(0, 80);

/** A command takes what stands behind it, so it gets nothing; what was only handed on is nobody's command. */
export function contextOf({ text, replyTo, shared, forwarded }: InboundMessage): Pick<TurnRequest, "text" | "quoted" | "forwarded"> {
  const isCommand = text.startsWith("/") && forwarded === undefined;
  const quote = isCommand ? "" : (replyTo?.text?.replaceAll(/\s+/g, " ").trim() ?? "");
  const cut = quote.length > LONGEST_QUOTE ? `${quote.slice(0, LONGEST_QUOTE).trimEnd()} …` : quote;
  const isOwn = replyTo?.own === true;
  const others = [...(isOwn ? [] : [cut]), ...(isCommand ? [] : [shared?.text ?? ""])].filter((words) => words !== "").join("\n\n");
  return {
    text: cut === "" || !isOwn ? text : `${text}\n[in reply to you: ${JSON.stringify(cut)}]`,
    ...(others === "" ? {} : { quoted: { text: others, ...(shared?.from === undefined ? {} : { from: nameOf(shared.from) }) } }),
    ...(forwarded === undefined ? {} : { forwarded: forwarded.from === undefined ? {} : { from: nameOf(forwarded.from) } }),
  };
}

/** What a message says, as an event's content: with its marks, without them, and what it belongs to. */
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import type { Fields } from "./events.ts";

interface Words {
  /** HTML. */
  readonly text: string;
  readonly plain?: string | undefined;
}

/** Nobody is called by it: what a stranger wrote, quoted, could otherwise call a whole room. */
const nobody = { "m.mentions": {} };

export const wordsContent = ({ text, plain = text }: Words): Fields => ({
  msgtype: "m.text",
  body: plain,
  ...(text !== plain && { format: "org.matrix.custom.html", formatted_body: text }),
  ...nobody,
});

/** Where it belongs: to what it answers, and in a thread to that. */
export function placed(content: Fields, { thread }: Address, replyTo: string | undefined): Fields {
  if (thread === undefined)
    return replyTo === undefined ? content : { ...content, "m.relates_to": { "m.in_reply_to": { event_id: replyTo } } };
  // Clients that know no threads show a reply to that one; everybody else just the thread.
  const relation = { rel_type: "m.thread", event_id: thread, is_falling_back: true, "m.in_reply_to": { event_id: replyTo ?? thread } };
  return { ...content, "m.relates_to": relation };
}

/** For clients that cannot edit, a text with a star. */
export function editContent(words: Words, messageId: string): Fields {
  const fresh = wordsContent(words);
  return {
    ...{ msgtype: "m.text", body: `* ${String(fresh["body"])}` },
    ...nobody,
    "m.new_content": fresh,
    "m.relates_to": { rel_type: "m.replace", event_id: messageId },
  };
}

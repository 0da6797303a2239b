/** What Telegram sends, as the inbox takes it. */
import type { Attachment, InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import type { CallbackQuery, Chat, Message, MessageOrigin, UserFromGetMe } from "grammy/types";
import type { Settings } from "./config.ts";
import { readText } from "./entities.ts";
import type { Fetched } from "./files.ts";

/** Of a message that is answered, what stands beside the reply. */
const LONGEST_QUOTE = 4000;

export interface Place {
  readonly account: string;
  readonly settings: Settings;
  readonly me: UserFromGetMe;
  /** The id under which the conversation is known here. */
  readonly conversation: string;
}

/** What is written in brackets for what is neither text nor file; undefined for what nobody said, such as that somebody joined. */
function describe(message: Message): string | undefined {
  const { sticker, location, venue, contact, poll, dice, story, checklist, rich_message } = message;
  if (sticker)
    return `[sticker${sticker.emoji === undefined ? "" : ` ${sticker.emoji}`}${sticker.set_name === undefined ? "" : ` of ${sticker.set_name}`}]`;
  if (venue) return `[place: ${venue.title}, ${venue.address} (${venue.location.latitude}, ${venue.location.longitude})]`;
  if (location) return `[location: ${location.latitude}, ${location.longitude}]`;
  if (contact) return `[contact: ${[contact.first_name, contact.last_name].filter(Boolean).join(" ")}, ${contact.phone_number}]`;
  if (poll) return `[poll: ${poll.question} ${poll.options.map(({ text }) => `(${text})`).join(" ")}]`;
  if (dice) return `[${dice.emoji} ${dice.value}]`;
  if (story) return "[story: not readable for bots]";
  if (checklist) return `[checklist: ${checklist.title}${checklist.tasks.map(({ text }) => `; ${text}`).join("")}]`;
  if (rich_message) return "[a rich message: not readable here]";
  return undefined;
}

const isDirect = ({ type }: Chat): boolean => type === "private";

/** A topic of its own; in a group without topics Telegram numbers replies in the same field. */
const threadOf = ({ is_topic_message, message_thread_id }: Message): string | undefined =>
  is_topic_message && message_thread_id !== undefined ? String(message_thread_id) : undefined;

const nameOf = ({ first_name, last_name }: { readonly first_name: string; readonly last_name?: string }): string =>
  visibleText(last_name === undefined ? first_name : `${first_name} ${last_name}`);

const titleOf = (chat: Chat): string =>
  visibleText(chat.title ?? [chat.first_name, chat.last_name].filter((part) => part !== undefined).join(" "));

/** Who writes as a group or channel is known by that: whom Telegram puts in its place is the same for all of them. */
function senderOf({ from, sender_chat, is_automatic_forward }: Message): InboundMessage["sender"] | undefined {
  if (sender_chat) {
    return { id: String(sender_chat.id), name: titleOf(sender_chat), ...(is_automatic_forward ? { bot: true } : {}) };
  }
  return from && { id: String(from.id), name: nameOf(from), ...(from.is_bot ? { bot: true } : {}) };
}

function forwardedBy(origin: MessageOrigin): NonNullable<InboundMessage["forwarded"]> {
  switch (origin.type) {
    case "user":
      return { from: nameOf(origin.sender_user) };
    case "hidden_user":
      return { from: origin.sender_user_name };
    case "chat":
      return { from: titleOf(origin.sender_chat) };
    case "channel":
      return { from: titleOf(origin.chat) };
  }
}

const groupOf = (chat: Chat, { settings, conversation }: Place): Pick<InboundMessage, "chat" | "group"> => {
  if (isDirect(chat)) return { chat: "direct" };
  // Under the id that the rules are written for, when they name the one that Telegram has today.
  const id = settings.groups && Object.hasOwn(settings.groups, String(chat.id)) ? String(chat.id) : conversation;
  return { chat: "group", group: { id, name: titleOf(chat) } };
};

function addressOf(message: Message, { account, conversation }: Place): InboundMessage["address"] {
  const thread = threadOf(message);
  return { channel: "telegram", account, conversation, ...(thread === undefined ? {} : { thread }) };
}

/** The parts of an album are one message; any other is one alone. Undefined when nothing was said. */
export function readMessage(parts: readonly Message[], place: Place, { attachments, notes }: Fetched): InboundMessage | undefined {
  const [message] = parts;
  const sender = message && senderOf(message);
  if (!message || !sender || sender.id === String(place.me.id)) return undefined;
  const read = parts.map((part) => readText(part.text ?? part.caption ?? "", part.entities ?? part.caption_entities ?? [], place.me));
  const described = parts.flatMap((part) => describe(part) ?? []);
  // What nobody sees is nobody's word: only a model would read it.
  const text = visibleText([...read.map((each) => each.text), ...described, ...notes].filter((each) => each !== "").join("\n"));
  if (text === "" && attachments.length === 0 && !read.some(({ mentioned }) => mentioned)) return undefined;
  const answered = message.reply_to_message;
  // In a topic everything answers the message that made the topic.
  const replied = answered && !answered.forum_topic_created ? answered : undefined;
  const quote = message.quote?.text ?? replied?.text ?? replied?.caption;
  return {
    address: addressOf(message, place),
    eventId: `${message.chat.id}:${message.message_id}`,
    messageId: String(message.message_id),
    sender,
    ...groupOf(message.chat, place),
    mentioned: read.some(({ mentioned }) => mentioned),
    // What Telegram's own button says that opens a bot.
    text: isDirect(message.chat) && /^\/start(\s|$)/.test(text) ? "/help" : text,
    ...(attachments.length === 0 ? {} : { attachments: attachments as Attachment[] }),
    ...(replied && {
      replyTo: {
        messageId: String(replied.message_id),
        own: replied.from?.id === place.me.id,
        ...(quote === undefined ? {} : { text: visibleText(quote).slice(0, LONGEST_QUOTE) }),
      },
    }),
    ...(message.forward_origin && { forwarded: forwardedBy(message.forward_origin) }),
    sentAt: message.date * 1000,
  };
}

/** A button that was pressed, as a message of whoever pressed it. `now`: Telegram does not say when. */
export function readPress(query: CallbackQuery, place: Place, now: number): InboundMessage | undefined {
  const { message, data, from, id } = query;
  if (!message || data === undefined || data === "") return undefined;
  return {
    address: addressOf(message as Message, place),
    eventId: `press:${id}`,
    sender: { id: String(from.id), name: nameOf(from), ...(from.is_bot ? { bot: true } : {}) },
    ...groupOf(message.chat, place),
    mentioned: false,
    text: data,
    // Who presses a button of the bot's answers the bot.
    replyTo: { messageId: String(message.message_id), own: true },
    sentAt: now,
  };
}

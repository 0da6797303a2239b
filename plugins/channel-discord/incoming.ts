/** What people write on Discord, as the inbox takes it. */
import type { Attachment, InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { oneLine, outsideCode, withNames } from "@pincer/plugin-sdk/inbound/mentions";
import { type APIMessage, type APIMessageSnapshotFields, type APIUser, MessageReferenceType, MessageType } from "discord-api-types/v10";
import type { Place } from "./places.ts";

/** Of a message that is answered, what stands beside the reply. */
const LONGEST_QUOTE = 4000;

export interface Reading {
  readonly account: string;
  readonly me: APIUser;
  readonly place: Place;
  readonly nameOf: (channel: string) => string | undefined;
  /** Of the server, with the bot's own among them. */
  readonly roles: { readonly names: ReadonlyMap<string, string>; readonly own: ReadonlySet<string> } | undefined;
}

export interface Fetched {
  readonly attachments: readonly Attachment[];
  /** What is said in the text of what was not fetched. */
  readonly notes: readonly string[];
}

/** The server's name for them, else the one that they chose, else the one that they log in with. */
export const nameOf = (user: APIUser, nick?: string | null): string => oneLine(visibleText(nick ?? user.global_name ?? user.username));

const SAID: ReadonlySet<MessageType> = new Set([MessageType.Default, MessageType.Reply]);

const isForward = ({ message_reference: reference }: APIMessage): boolean => reference?.type === MessageReferenceType.Forward;

/** The message itself, or what it hands on. */
export const contentOf = (message: APIMessage): APIMessageSnapshotFields =>
  (isForward(message) ? message.message_snapshots?.[0]?.message : undefined) ?? message;

/** What is written in brackets for what is neither text nor file. */
function describe(message: APIMessage): string[] {
  const { sticker_items: stickers = [], embeds = [] } = contentOf(message);
  const { poll, author } = message;
  return [
    ...stickers.map(({ name }) => `[sticker ${oneLine(name)}]`),
    ...(poll
      ? [`[poll: ${poll.question.text ?? ""} ${poll.answers.map(({ poll_media }) => `(${poll_media.text ?? ""})`).join(" ")}]`]
      : []),
    // Programs write in these; of what people link to, they say nothing that the link does not.
    ...(author.bot ? embeds.map(({ title, description }) => [title, description].filter(Boolean).join("\n")).filter(Boolean) : []),
  ];
}

interface Named {
  readonly text: string;
  readonly mentioned: boolean;
}

/** Takes the bot's own name out, and puts those of others in. */
function readText(message: APIMessage, { me, nameOf: channel, roles }: Reading): Named {
  const users = new Map(
    message.mentions.map((user) => [user.id, nameOf(user, (user as { member?: { nick?: string | null } }).member?.nick)]),
  );
  const isOwn = (sign: string, id: string) => (sign === "&" ? roles?.own.has(`${me.id}:${id}`) === true : id === me.id);
  let mentioned = false;
  const without = (token: string, sign: string, id: string) => {
    if (!isOwn(sign, id)) return token;
    mentioned = true;
    return "";
  };
  // Of a text that begins with it, what sets it apart goes too.
  const said = contentOf(message).content.replace(/^\s*<@([!&]?)(\d{1,24})>\s*[,:]?\s*/, without);
  const text = outsideCode(said, (part) =>
    part.replace(/ ?<@([!&]?)(\d{1,24})>/g, (token: string, sign: string, id: string) => without(token, sign, id)),
  );
  const names = { user: (id: string) => users.get(id), channel, role: (id: string) => roles?.names.get(id) };
  return { text: withNames(mentioned ? text.trim() : text, names), mentioned };
}

export function addressOf(account: string, { id, parent }: Place): InboundMessage["address"] {
  return { channel: "discord", account, conversation: parent ?? id, ...(parent === undefined ? {} : { thread: id }) };
}

export function groupOf({ id, guild, parent, name }: Place, nameOf: Reading["nameOf"]): Pick<InboundMessage, "chat" | "group"> {
  if (guild === undefined) return { chat: "direct" };
  const group = parent ?? id;
  const called = parent === undefined ? name : nameOf(parent);
  return { chat: "group", group: { id: group, team: guild, ...(called === undefined ? {} : { name: `#${called}` }) } };
}

/** Undefined when nothing was said: somebody joined, a message was pinned, the bot wrote it itself. */
export function readMessage(message: APIMessage, reading: Reading, { attachments, notes }: Fetched): InboundMessage | undefined {
  const { me, account, place } = reading;
  const { author, member, referenced_message: answered } = message as APIMessage & { member?: { nick?: string | null } };
  if (!SAID.has(message.type) || author.id === me.id) return undefined;
  const read = readText(message, reading);
  // What nobody sees is nobody's word: only a model would read it.
  const text = visibleText([read.text, ...describe(message), ...notes].filter((part) => part.trim() !== "").join("\n"));
  if (text === "" && attachments.length === 0 && !read.mentioned) return undefined;
  const replied = isForward(message) ? undefined : message.message_reference?.message_id;
  const quote = answered?.content;
  return {
    address: addressOf(account, place),
    eventId: message.id,
    messageId: message.id,
    sender: { id: author.id, name: nameOf(author, member?.nick), ...(author.bot || message.webhook_id !== undefined ? { bot: true } : {}) },
    ...groupOf(place, reading.nameOf),
    mentioned: read.mentioned,
    text,
    ...(attachments.length === 0 ? {} : { attachments: attachments as Attachment[] }),
    ...(replied === undefined
      ? {}
      : {
          replyTo: {
            messageId: replied,
            own: answered?.author.id === me.id,
            ...(quote === undefined || quote === "" ? {} : { text: quote.slice(0, LONGEST_QUOTE) }),
          },
        }),
    ...(isForward(message) && { forwarded: {} }),
    sentAt: Date.parse(message.timestamp),
  };
}

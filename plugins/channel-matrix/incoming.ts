/** What people write on Matrix, as the inbox takes it. */
import type { Attachment, InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { htmlToMarkdown } from "@pincer/plugin-sdk/inbound/html";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { type Fields, fields, type RoomEvent, relationOf, text, texts } from "./events.ts";
import type { Bot } from "./login.ts";
import type { Room } from "./rooms.ts";

/** Of a message that is answered, what stands beside the reply. */
const LONGEST_QUOTE = 4_000;
const LONGEST_NAME = 200;

export interface Fetched {
  readonly attachments: readonly Attachment[];
  /** What is said in the text of what was not fetched. */
  readonly notes: readonly string[];
}

/** The message that is answered, when it could be had. */
export interface Answered {
  readonly sender: string;
  readonly content: Fields;
}

export interface Said {
  readonly bot: Bot;
  readonly room: Room;
  /** Decrypted, where it was encrypted. */
  readonly event: RoomEvent;
  readonly answered?: Answered | undefined;
}

const FILES: ReadonlySet<unknown> = new Set(["m.image", "m.audio", "m.video", "m.file"]);

export const isFile = ({ msgtype }: Fields): boolean => FILES.has(msgtype);

/** Whether somebody else than the bot says something with it. A change of what was said is none. */
export const isSaid = ({ bot, event }: Pick<Said, "bot" | "event">): boolean =>
  (event.type === "m.room.message" || event.type === "m.sticker") &&
  event.state_key === undefined &&
  event.sender !== bot.login.userId &&
  relationOf(event.content).replaces === undefined;

/** What older clients put before a reply: the answered message, line by line. */
const withoutQuote = (body: string, isReply: boolean): string =>
  isReply && body.startsWith("> ") ? body.replace(/^(?:>[^\n]*\n)+\n?/, "") : body;

const escaped = (part: string): string => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A link to somebody, as clients write a name in a text. */
const pill = /\[([^\]]*)\]\(<?https:\/\/matrix\.to\/#\/([^)\s>]+)>?\)/g;

const idIn = (link: string): string => {
  try {
    return decodeURIComponent(link.split("?")[0] ?? "");
  } catch {
    return ""; // silent-ok: it names nobody
  }
};

interface Words {
  readonly text: string;
  readonly mentioned: boolean;
}

/** Without the bot's name where that only says to whom it is spoken. */
function addressed(said: string, names: readonly string[]): string {
  const name = names.map(escaped).join("|");
  return said.replace(new RegExp(`^\\s*@?(?:${name})(?:\\s*[:,]\\s*|\\s+|$)`, "iu"), "").trim();
}

/** What a content says, in Markdown. */
function wordsOf(content: Fields, { bot, room }: Pick<Said, "bot" | "room">): Words {
  const me = bot.login.userId;
  const names = [me, me.slice(1).split(":")[0] ?? me, room.members.get(me)].filter(
    (name) => name !== undefined && name.trim() !== "",
  ) as string[];
  const isReply = relationOf(content).answers !== undefined || fields(content["m.relates_to"])["m.in_reply_to"] !== undefined;
  const body = withoutQuote(text(content["body"]) ?? "", isReply);
  const html = content["format"] === "org.matrix.custom.html" ? text(content["formatted_body"]) : undefined;
  const marked = html === undefined ? body : htmlToMarkdown(html, { without: ["mx-reply"] });
  let isLinked = false;
  const said = marked.replace(pill, (whole, name: string, link: string) => {
    const id = idIn(link);
    if (id === me) isLinked = true;
    return id.startsWith("@") ? (name.startsWith("@") ? name : `@${name}`) : whole;
  });
  const { "m.mentions": mentions } = content;
  const named = new RegExp(`(?<![\\p{L}\\p{N}])(?:${names.map(escaped).join("|")})(?![\\p{L}\\p{N}])`, "iu");
  // Whoever says whom they mean is believed; of older clients the text says it.
  const mentioned = mentions === undefined ? isLinked || named.test(body) : texts(fields(mentions)["user_ids"]).includes(me);
  return { text: mentioned || isLinked ? addressed(said, names) : said, mentioned };
}

function described({ type, content }: RoomEvent, words: string): string {
  const { msgtype } = content;
  if (type === "m.sticker") return `[sticker: ${words}]`;
  if (msgtype === "m.location") return `[location: ${text(content["geo_uri"]) ?? words}]`;
  if (msgtype === "m.emote") return `* ${words}`;
  return words;
}

/** What stands beside a file: its `body` is its name, unless there is a `filename` besides. */
const hasCaption = (content: Fields): boolean => {
  const name = text(content["filename"]);
  return name !== undefined && name !== content["body"];
};

const nameOf = (id: string, { members }: Room): string => {
  const name = visibleText(members.get(id) ?? "")
    .replace(/\s+/g, " ")
    .trim();
  return (name === "" ? id : name).slice(0, LONGEST_NAME);
};

/** Undefined when nothing was said. */
export function readMessage({ bot, room, event, answered }: Said, { attachments, notes }: Fetched): InboundMessage | undefined {
  const { content, sender } = event;
  const words = wordsOf(content, { bot, room });
  const own = isFile(content) && !hasCaption(content) ? "" : described(event, words.text);
  // What nobody sees is nobody's word: only a model would read it.
  const said = visibleText([own, ...notes].filter((part) => part !== "").join("\n"));
  if (said === "" && attachments.length === 0 && !words.mentioned) return undefined;
  const { thread, answers } = relationOf(content);
  const quoted = answered && wordsOf(answered.content, { bot, room }).text;
  return {
    address: { channel: "matrix", account: bot.account, conversation: room.id, ...(thread !== undefined && { thread }) },
    eventId: event.event_id,
    messageId: event.event_id,
    sender: { id: sender, name: nameOf(sender, room), ...(content["msgtype"] === "m.notice" && { bot: true }) },
    ...(room.isDirect
      ? { chat: "direct" as const }
      : {
          chat: "group" as const,
          group: { id: room.id, ...(room.name !== undefined && { name: visibleText(room.name).slice(0, LONGEST_NAME) }) },
        }),
    mentioned: words.mentioned,
    text: said,
    ...(attachments.length > 0 && { attachments: [...attachments] }),
    ...(answers !== undefined && {
      replyTo: {
        messageId: answers,
        ...(answered && { own: answered.sender === bot.login.userId }),
        ...(quoted !== undefined && quoted !== "" && { text: visibleText(quoted).slice(0, LONGEST_QUOTE) }),
      },
    }),
    sentAt: Math.max(0, Math.trunc(event.origin_server_ts)),
  };
}

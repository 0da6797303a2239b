/** What somebody says on IRC, as the inbox takes it. */
import { createHash } from "node:crypto";
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { type Line, withoutFormat } from "./line.ts";

export interface Place {
  readonly account: string;
  /** The assistant's nick now. */
  readonly me: string;
  fold(name: string): string;
  /** Whether a target is a channel; what stands before its name for those who are addressed there (`@#home`) is taken off. */
  channelIn(target: string): string | undefined;
  /** As whom that nick is logged in; undefined when nobody knows. */
  accountOf(nick: string): string | undefined;
  isOwn(messageId: string): boolean;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** Around what one client asks of another; of that, only what somebody does is said to people. */
const CTCP = "\u0001";
const ACTION = `${CTCP}ACTION `;

/** Undefined for what a client asks another one, such as its version. */
function textIn(said: string, nick: string): string | undefined {
  if (!said.startsWith(CTCP)) return withoutFormat(said);
  return said.startsWith(ACTION) ? `* ${nick} ${withoutFormat(said.slice(ACTION.length))}` : undefined;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Without the name at the beginning of the text, which is how people speak to one another there. */
function addressed(text: string, me: string): { readonly text: string; readonly mentioned: boolean } {
  const name = escaped(me);
  const rest = new RegExp(`^@?${name}(?:[:,]\\s*|\\s+|$)`, "i");
  if (rest.test(text)) return { text: text.replace(rest, ""), mentioned: true };
  return { text, mentioned: new RegExp(`(?<![\\w-])${name}(?![\\w-])`, "i").test(text) };
}

/** Epoch milliseconds; undefined where the server says nothing, or no time. */
export function timeOf({ tags }: Line): number | undefined {
  const time = Date.parse(tags["time"] ?? "");
  return Number.isNaN(time) ? undefined : time;
}

/** The server's own name of it; where it has none the same for the same words at the same time, as a bouncer says them again. */
function idOf(line: Line): string {
  const { tags, source, params } = line;
  if (tags["msgid"]) return tags["msgid"];
  if (timeOf(line) === undefined) return crypto.randomUUID();
  return createHash("sha256")
    .update(JSON.stringify([tags["time"], source, params]))
    .digest("hex")
    .slice(0, 32);
}

/** Undefined for what is not for the assistant, or what it has said itself. */
export function readMessage(line: Line, place: Place): InboundMessage | undefined {
  const { tags, nick, source, params } = line;
  const [target = "", said = ""] = params;
  const { account, me, fold } = place;
  // Servers write too, and have no user and host.
  if (line.command !== "PRIVMSG" || !source.includes("!") || fold(nick) === fold(me)) return undefined;
  const channel = place.channelIn(target);
  if (channel === undefined && fold(target) !== fold(me)) return undefined;
  const whole = textIn(said, nick);
  if (whole === undefined) return undefined;
  const { text, mentioned } = addressed(visibleText(whole), me);
  if (text.trim() === "" && !mentioned) return undefined;
  const login = tags["account"] || place.accountOf(nick);
  const replyTo = tags["+draft/reply"] ?? tags["+reply"];
  return {
    address: { channel: "irc", account, conversation: fold(channel ?? nick) },
    eventId: idOf(line),
    ...(tags["msgid"] && { messageId: tags["msgid"] }),
    sender: { id: login ? `account:${login}` : source, name: nick, ...("bot" in tags && { bot: true }) },
    ...(channel === undefined
      ? { chat: "direct" as const }
      : { chat: "group" as const, group: { id: fold(channel), name: channel }, mentioned }),
    text,
    ...(replyTo && { replyTo: { messageId: replyTo, own: place.isOwn(replyTo) } }),
    sentAt: timeOf(line) ?? place.now,
  };
}

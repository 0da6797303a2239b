/** What Slack sends, as the inbox takes it. */
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { mrkdwnToMarkdown } from "@pincer/plugin-sdk/inbound/mrkdwn";
import { isChoice } from "./blocks.ts";
import type { Bot, Self } from "./bot.ts";
import type { Press, SlackMessage, SlashCommand } from "./events.ts";
import type { Fetched } from "./files.ts";

export interface Receiving {
  readonly bot: Bot;
  readonly self: Self;
}

/** What ids are called; empty where nobody could say it in time. */
export interface Known {
  readonly users: ReadonlyMap<string, { readonly name: string; readonly isBot: boolean }>;
  /** Of the conversation. */
  readonly title: string | undefined;
}

/** Kinds of messages that somebody said; every other one tells that somebody came, left or changed something. */
const SAID: ReadonlySet<string> = new Set(["file_share", "thread_broadcast", "me_message", "bot_message"]);

/** Slack's own account in every workspace. */
const SLACKBOT = "USLACKBOT";

export const isDirect = (conversation: string): boolean => conversation.startsWith("D");

/** Whether somebody else than the bot said something. */
export const isSaid = ({ subtype, user, bot_id }: SlackMessage, { self }: Receiving): boolean =>
  (!subtype || SAID.has(subtype)) && user !== self.user && !(bot_id && bot_id === self.bot) && Boolean(user ?? bot_id);

/** Ids of people that a text names, and of whoever wrote it. */
export function peopleIn({ text, user }: SlackMessage, { self }: Receiving): readonly string[] {
  const named = [...(text ?? "").matchAll(/<@([A-Z0-9]{1,40})(?:\|[^>]*)?>/g)].map(([, id = ""]) => id);
  return [...new Set([...(user ? [user] : []), ...named])].filter((id) => id !== self.user);
}

/** Epoch milliseconds. */
export const timeOf = (ts: string): number => Math.round(Number(ts) * 1000);

/** The text without the bot's name, which is what sets it apart from others', and whether it was there. */
function withoutSelf(text: string, { self }: Receiving): { readonly text: string; readonly mentioned: boolean } {
  const name = `<@${self.user}(?:\\|[^>]*)?>`;
  if (!new RegExp(name).test(text)) return { text, mentioned: false };
  const rest = text.replace(new RegExp(`^\\s*${name}\\s*[,:]?\\s*`), "").replace(new RegExp(`(^|[ \\t])${name}`, "g"), "");
  return { text: rest.replace(new RegExp(name, "g"), "").trim(), mentioned: true };
}

/**
 * What was handed on from elsewhere, in Markdown. Of what people link to Slack shows a part, which says nothing that the link does not; of a message
 * without a word of its own it is all that there is.
 */
function sharedIn({ attachments = [] }: SlackMessage, own: string, known: Known) {
  const handedOn = attachments.filter(({ is_share, is_msg_unfurl }) => is_share || is_msg_unfurl);
  const shown = handedOn.length > 0 || own !== "" ? handedOn : attachments;
  const texts = shown.map(({ text, fallback }) => visibleText(mrkdwnToMarkdown(text || fallback || "", namesOf(known))));
  const text = texts.filter((part) => part !== "").join("\n\n");
  const from = shown.find(({ author_name: name }) => name)?.author_name ?? undefined;
  return text === "" ? undefined : { text, ...(from !== undefined && { from }) };
}

const namesOf = ({ users }: Known) => ({ user: (id: string) => users.get(id)?.name });

export function addressOf(message: SlackMessage, { bot }: Receiving): InboundMessage["address"] {
  const inChannel = bot.settings.replyInThread && !isDirect(message.channel);
  const thread = message.thread_ts ?? (inChannel ? message.ts : undefined);
  return { channel: "slack", account: bot.account, conversation: message.channel, ...(thread && { thread }) };
}

function senderOf({ user, bot_id, username }: SlackMessage, known: Known): InboundMessage["sender"] {
  const person = user ? known.users.get(user) : undefined;
  const name = person?.name ?? username ?? undefined;
  const isBot = Boolean(bot_id) || user === SLACKBOT || person?.isBot === true;
  return { id: user ?? bot_id ?? "", ...(name !== undefined && { name: visibleText(name) }), ...(isBot && { bot: true }) };
}

const placeOf = (conversation: string, team: string | null | undefined, title: string | null | undefined) =>
  isDirect(conversation)
    ? ({ chat: "direct" } as const)
    : ({ chat: "group", group: { id: conversation, ...(title && { name: visibleText(title) }), ...(team && { team }) } } as const);

/** Undefined when nothing was said. */
export function readMessage(
  message: SlackMessage,
  receiving: Receiving,
  known: Known,
  { attachments, notes }: Fetched,
): InboundMessage | undefined {
  const { self } = receiving;
  const said = withoutSelf(message.text ?? "", receiving);
  const own = mrkdwnToMarkdown(said.text, namesOf(known));
  const shared = sharedIn(message, own, known);
  // A program's own words stand there as well.
  const isForwarded = own === "" && shared !== undefined && !message.bot_id;
  const parts = [own, ...(own === "" && shared ? [shared.text] : []), ...notes];
  // What nobody sees is nobody's word: only a model would read it.
  const text = visibleText(parts.filter((part) => part !== "").join("\n"));
  const mentioned = said.mentioned || message.type === "app_mention";
  if (text === "" && attachments.length === 0 && !mentioned) return undefined;
  const parent = message.thread_ts && message.thread_ts !== message.ts ? message.thread_ts : undefined;
  return {
    address: addressOf(message, receiving),
    // One message comes as more than one event: to whoever reads along, to who is named, and when it is fetched again.
    eventId: `${message.channel}:${message.ts}`,
    messageId: message.ts,
    sender: senderOf(message, known),
    ...placeOf(message.channel, self.team, known.title),
    mentioned,
    text,
    ...(attachments.length > 0 && { attachments: [...attachments] }),
    ...(parent && { replyTo: { messageId: parent, own: message.parent_user_id === self.user } }),
    ...(own !== "" && shared && { shared }),
    ...(isForwarded && { forwarded: shared.from === undefined ? {} : { from: shared.from } }),
    sentAt: timeOf(message.ts),
  };
}

/** A button that was pressed, as a message of whoever pressed it; undefined when it is none of the channel's. */
export function readPress({ user, channel, message, actions }: Press, { bot, self }: Receiving): InboundMessage | undefined {
  const [action] = actions;
  if (!action?.value || !isChoice(action.action_id)) return undefined;
  const thread = message.thread_ts ?? undefined;
  const name = user.name ?? user.username;
  return {
    address: { channel: "slack", account: bot.account, conversation: channel.id, ...(thread && { thread }) },
    eventId: `press:${channel.id}:${message.ts}:${user.id}:${action.action_ts}`,
    sender: { id: user.id, ...(name && { name: visibleText(name) }) },
    ...placeOf(channel.id, self.team, channel.name),
    mentioned: false,
    text: action.value,
    // Who presses a button of the bot's answers the bot.
    replyTo: { messageId: message.ts, own: true },
    sentAt: timeOf(action.action_ts),
  };
}

/** `now`: Slack does not say when it was typed. */
export function readCommand(typed: SlashCommand, { bot, self }: Receiving, now: number): InboundMessage {
  const { command, text, user_id, user_name, channel_id, channel_name, trigger_id } = typed;
  const rest = (text ?? "").trim();
  const said = command === bot.settings.slashCommand ? rest || "/help" : `${command} ${rest}`.trim();
  return {
    address: { channel: "slack", account: bot.account, conversation: channel_id },
    eventId: `command:${trigger_id}`,
    sender: { id: user_id, ...(user_name && { name: visibleText(user_name) }) },
    ...placeOf(channel_id, self.team, channel_name),
    // The command is the app's own.
    mentioned: true,
    text: visibleText(mrkdwnToMarkdown(said)),
    sentAt: now,
  };
}

/** What goes out to Discord: messages, their changes, and signs of life. */

import type { RawFile, REST } from "@discordjs/rest";
import type { KeyValueStore } from "@pincer/plugin-sdk";
import { sendInSteps } from "@pincer/plugin-sdk/channel/steps";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { type channel, channelErrors, type SendRequest } from "@pincer/plugin-sdk/contracts/channel";
import type { Address, Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import {
  type AllowedMentionsTypes,
  type APIAllowedMentions,
  type APIChannel,
  type APIMessage,
  MessageReferenceType,
  Routes,
} from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import { rowsOf } from "./buttons.ts";
import type { Settings } from "./config.ts";
import { isGone, isSpent } from "./failure.ts";
import { type Commands, isCommandId } from "./interactions.ts";
import { type Once, sendOnce } from "./once.ts";
import { emojiOf } from "./reactions.ts";
import { snowflake } from "./snowflake.ts";

/** Of one message. */
const MOST_FILES = 10;

export interface OutgoingDeps {
  readonly clock: Clock;
  readonly store: KeyValueStore;
  readonly commands: Commands;
  open(account: string): Promise<Bot>;
}

interface Io {
  readonly signal: AbortSignal;
}

/** What one message of Discord's is made of. */
interface Content {
  readonly content?: string;
  readonly components?: unknown;
  readonly poll?: unknown;
  readonly files?: readonly RawFile[];
}

export interface Outgoing extends Omit<ImplementationOf<typeof channel>, "start"> {
  /** One call about a conversation, which may be repeated. */
  change<T>(address: Address, io: Io, ask: (rest: REST, channel: string) => Promise<T>): Promise<T>;
  /** Makes one message; answers with its id. */
  create(bot: Bot, address: Address, key: string, content: Content, io: Io, around?: object): Promise<string>;
}

export const allowedMentions = ({ mentions }: Pick<Settings, "mentions">): APIAllowedMentions => ({
  parse: mentions as readonly string[] as AllowedMentionsTypes[],
  replied_user: mentions.includes("users"),
});

/** What stands before the id of a person whom nobody has talked with yet. */
const PERSON = "user:";

export function createOutgoing({ clock, store, commands, open }: OutgoingDeps): Outgoing {
  const once: Once = sendOnce(store, clock);
  const rooms = new Map<string, string>();

  async function channelOf(bot: Bot, { conversation, thread }: Address, { signal }: Io): Promise<string> {
    if (thread !== undefined) return snowflake("thread", thread);
    if (!conversation.startsWith(PERSON)) return snowflake("channel", conversation);
    const person = snowflake("person", conversation.slice(PERSON.length));
    const known = rooms.get(`${bot.token}/${person}`);
    if (known !== undefined) return known;
    const { id } = await bot.call<APIChannel>({ signal, isSafe: true }, (rest) =>
      rest.post(Routes.userChannels(), { body: { recipient_id: person } }),
    );
    rooms.set(`${bot.token}/${person}`, id);
    return id;
  }

  const create: Outgoing["create"] = (bot, address, key, { files, ...content }, io, around = {}) =>
    once.run(key, async (nonce) => {
      const id = await channelOf(bot, address, io);
      const body = { ...around, ...content, nonce, enforce_nonce: true, allowed_mentions: allowedMentions(bot.settings) };
      const sent = await bot.call<APIMessage>({ signal: io.signal }, (rest) =>
        rest.post(Routes.channelMessages(id), { body, ...(files && files.length > 0 && { files: [...files] }) }),
      );
      return sent.id;
    });

  /** In place of the sign that a command was given; undefined when that cannot be any more. */
  async function answerCommand(
    bot: Bot,
    messageId: string,
    key: string,
    { files, ...content }: Content,
    { signal }: Io,
  ): Promise<string | undefined> {
    const command = await commands.take(messageId, key);
    if (!command) return undefined;
    try {
      const body = { ...content, allowed_mentions: allowedMentions(bot.settings) };
      // It says the same however often it is said.
      const sent = await bot.attempt<APIMessage>({ signal, isSafe: true }, (rest) =>
        rest.patch(Routes.webhookMessage(command.application, command.token), {
          auth: false,
          body,
          ...(files && files.length > 0 && { files: [...files] }),
        }),
      );
      return sent.id;
    } catch (error) {
      if (isSpent(error)) return undefined;
      throw bot.failure(error, true);
    }
  }

  const change: Outgoing["change"] = async (address, io, ask) => {
    const bot = await open(address.account);
    const id = await channelOf(bot, address, io);
    return await bot.call({ signal: io.signal, isSafe: true }, (rest) => ask(rest, id));
  };

  async function first(bot: Bot, { address, replyTo, idempotencyKey: key }: SendRequest, content: Content, io: Io): Promise<string> {
    if (replyTo === undefined) return await create(bot, address, key, content, io);
    if (isCommandId(replyTo)) {
      return (await answerCommand(bot, replyTo, key, content, io)) ?? (await create(bot, address, key, content, io));
    }
    const reference = { type: MessageReferenceType.Default, message_id: snowflake("message", replyTo), fail_if_not_exists: false };
    return await create(bot, address, key, content, io, { message_reference: reference });
  }

  return {
    change,
    create,

    async send(request, io) {
      const { address, text, choices, attachments = [], idempotencyKey: key } = request;
      const bot = await open(address.account);
      const files = attachments.map(fileOf);
      const packs = Array.from({ length: Math.max(1, Math.ceil(files.length / MOST_FILES)) }, (_, index) =>
        files.slice(index * MOST_FILES, (index + 1) * MOST_FILES),
      );
      if (text === "" && files.length === 0) throw channelErrors.CHANNEL_REJECTED("there is neither text nor file to send");
      const buttons = choices && choices.length > 0 ? { components: rowsOf(choices) } : {};
      const steps = packs.map(
        (pack, index) => () =>
          index === 0
            ? first(bot, request, { ...(text !== "" && { content: text }), ...buttons, files: pack }, io)
            : create(bot, address, `${key}#${index}`, { files: pack }, io),
      );
      // What is edited later is the text, which goes first.
      const [messageId = ""] = await sendInSteps({ clock, store, key, steps });
      return { messageId };
    },

    async edit({ address, messageId, text, choices }, io) {
      const bot = await open(address.account);
      const message = snowflake("message", messageId);
      const body = { content: text, components: rowsOf(choices), allowed_mentions: allowedMentions(bot.settings) };
      await change(address, io, (rest, id) => rest.patch(Routes.channelMessage(id, message), { body }));
      return {};
    },

    async typing({ address }, io) {
      await change(address, io, (rest, id) => rest.post(Routes.channelTyping(id)));
      return {};
    },

    async react({ address, messageId, emoji }, io) {
      // A command shows by itself that it is worked on.
      if (isCommandId(messageId)) return {};
      const message = snowflake("message", messageId);
      const wanted = emojiOf(emoji);
      const { reactions = [] } = await change(
        address,
        io,
        (rest, id) => rest.get(Routes.channelMessage(id, message)) as Promise<APIMessage>,
      );
      const own = reactions
        .filter(({ me }) => me)
        .map(({ emoji: shown }) => (shown.id === null ? (shown.name ?? "") : `${shown.name}:${shown.id}`));
      for (const before of own.filter((each) => each !== wanted)) {
        await change(address, io, (rest, id) =>
          rest.delete(Routes.channelMessageOwnReaction(id, message, encodeURIComponent(before))).catch((error: unknown) => {
            if (!isGone(error)) throw error;
          }),
        );
      }
      if (wanted !== "" && !own.includes(wanted)) {
        await change(address, io, (rest, id) => rest.put(Routes.channelMessageOwnReaction(id, message, encodeURIComponent(wanted))));
      }
      return {};
    },
  };
}

const endings: Readonly<Record<string, string>> = {
  jpeg: "jpg",
  mpeg: "mp3",
  "svg+xml": "svg",
  plain: "txt",
  quicktime: "mov",
  "x-wav": "wav",
};

function fileOf({ kind, mimeType, fileName, data }: Attachment): RawFile {
  const subtype = /^\w+\/([\w.+-]+)/.exec(mimeType)?.[1] ?? "bin";
  return { name: fileName ?? `${kind}.${endings[subtype] ?? subtype}`, data: Buffer.from(data, "base64"), contentType: mimeType };
}

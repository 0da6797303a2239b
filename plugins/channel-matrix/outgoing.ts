/** What goes out to Matrix: messages, their changes, and signs of life. Each carries a transaction, which the homeserver knows again. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import { sendInSteps } from "@pincer/plugin-sdk/channel/steps";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { type channel, channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import { editContent, placed, wordsContent } from "./content.ts";
import type { HeldEncryptions } from "./crypto/held.ts";
import type { IsEncrypted } from "./encrypted-rooms.ts";
import { type Fields, fields, list, text } from "./events.ts";
import { isRefusal } from "./failure.ts";
import { uploadFile } from "./files.ts";
import type { Bot } from "./login.ts";
import { type Rooms, roomPath } from "./rooms.ts";

export const TYPING_MS = 20_000;

interface OutgoingDeps {
  readonly clock: Clock;
  readonly store: KeyValueStore;
  readonly encryptions: HeldEncryptions;
  readonly isEncrypted: IsEncrypted;
  roomsOf(account: string): Rooms;
  open(account: string, signal: AbortSignal): Promise<Bot>;
}

export interface Outgoing extends Omit<ImplementationOf<typeof channel>, "start"> {
  remove(address: Address, messageId: string, signal: AbortSignal): Promise<void>;
}

const segment = encodeURIComponent;

/** A text for a transaction; what is sent under the same one is the same. */
const transactionOf = (...parts: readonly string[]): string =>
  `pincer-${new Bun.CryptoHasher("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 32)}`;

/** Throws `CHANNEL_REJECTED`. */
function requireId(what: string, sign: string, id: string): string {
  if (id.startsWith(sign) && id.length <= 255) return id;
  throw channelErrors.CHANNEL_REJECTED(`expected ${what}, which begins with ${sign}, came "${id.slice(0, 60)}"`);
}
const eventId = (id: string): string => requireId("the id of a message", "$", id);

export function createOutgoing({ clock, store, encryptions, isEncrypted, roomsOf, open }: OutgoingDeps): Outgoing {
  /** Whether what goes to the room is encrypted. Throws where it would have to be, and cannot. */
  async function isClosed(bot: Bot, room: string, signal: AbortSignal): Promise<boolean> {
    const closed = await isEncrypted(bot.account, await roomsOf(bot.account).of(bot, room, signal));
    if (closed && !bot.settings.encryption) {
      const hint = "pincer config set channels.matrix.encryption true, or write in a room without encryption";
      throw channelErrors.CHANNEL_REJECTED(`the room is encrypted, and the account takes no part in that: ${hint}`, { data: { hint } });
    }
    return closed;
  }

  /** Answers with the event's id. */
  async function put(bot: Bot, room: string, content: Fields, transaction: string, signal: AbortSignal): Promise<string> {
    const closed = (await isClosed(bot, room, signal))
      ? await encryptions.use(bot.account, async (encryption) =>
          encryption.encryptEvent(await roomsOf(bot.account).of(bot, room, signal), "m.room.message", content, signal),
        )
      : undefined;
    const type = closed === undefined ? "m.room.message" : "m.room.encrypted";
    const answer = await bot.call({
      ...{ signal, method: "PUT", path: roomPath(room, `send/${type}/${segment(transaction)}`) },
      body: closed ?? content,
    });
    const id = text(fields(answer)["event_id"]);
    if (id === undefined) throw channelErrors.CHANNEL_UNAVAILABLE(`${bot.host} does not say which message it made`);
    return id;
  }

  const roomOf = ({ conversation }: Address): string => requireId("the id of a room", "!", conversation);

  async function redact(bot: Bot, room: string, id: string, signal: AbortSignal): Promise<void> {
    await bot.call({ signal, method: "PUT", path: roomPath(room, `redact/${segment(id)}/${transactionOf("redact", id)}`), body: {} });
  }

  /** The account's own reactions to a message: which, and in which events. */
  async function ownReactions(bot: Bot, room: string, messageId: string, signal: AbortSignal) {
    const answer = await bot.call({
      ...{
        signal,
        query: { limit: "100" },
        path: `client/v1/rooms/${segment(room)}/relations/${segment(messageId)}/m.annotation/m.reaction`,
      },
    });
    return list(fields(answer)["chunk"]).flatMap((each) => {
      const { sender, event_id, content } = fields(each);
      const key = text(fields(fields(content)["m.relates_to"])["key"]);
      return sender === bot.login.userId && typeof event_id === "string" && key !== undefined ? [{ id: event_id, key }] : [];
    });
  }

  return {
    async send({ address, text: words, plain, attachments = [], replyTo, idempotencyKey }, { signal }) {
      const room = roomOf(address);
      const bot = await open(address.account, signal);
      const answered = replyTo === undefined ? undefined : eventId(replyTo);
      const steps: (() => Promise<string>)[] = [];
      const step = (content: () => Fields | Promise<Fields>) => {
        const [number, first] = [steps.length, steps.length === 0 ? answered : undefined];
        steps.push(async () =>
          put(bot, room, placed(await content(), address, first), transactionOf(idempotencyKey, String(number)), signal),
        );
      };
      const isBeside = attachments.length === 1 && words !== "";
      if (words !== "" && !isBeside) step(() => wordsContent({ text: words, plain }));
      for (const attachment of attachments)
        step(async () => {
          const caption = isBeside ? wordsContent({ text: words, plain }) : undefined;
          return (await isClosed(bot, room, signal))
            ? encryptions.use(bot.account, (encryption) => uploadFile(bot, attachment, caption, encryption, signal))
            : uploadFile(bot, attachment, caption, undefined, signal);
        });
      if (steps.length === 0) throw channelErrors.CHANNEL_REJECTED("there is neither text nor file to send");
      // What is edited later is the text, which goes first.
      const [messageId = ""] = await sendInSteps({ clock, store, key: idempotencyKey, steps });
      return { messageId };
    },

    async edit({ address, messageId, text: words, plain }, { signal }) {
      const bot = await open(address.account, signal);
      const content = editContent({ text: words, plain }, eventId(messageId));
      // The same text, again, is the same edit.
      await put(bot, roomOf(address), content, transactionOf("edit", messageId, words, String(clock.now())), signal);
      return {};
    },

    async typing({ address }, { signal }) {
      const bot = await open(address.account, signal);
      await bot.call({
        ...{ signal, method: "PUT", path: roomPath(roomOf(address), `typing/${segment(bot.login.userId)}`) },
        body: { typing: true, timeout: TYPING_MS },
      });
      return {};
    },

    async react({ address, messageId, emoji }, { signal }) {
      const room = roomOf(address);
      const bot = await open(address.account, signal);
      const own = await ownReactions(bot, room, eventId(messageId), signal);
      for (const { id, key } of own) if (key !== emoji) await redact(bot, room, id, signal);
      if (emoji === "" || own.some(({ key }) => key === emoji)) return {};
      const relation = { rel_type: "m.annotation", event_id: messageId, key: emoji.slice(0, 100) };
      const path = roomPath(room, `send/m.reaction/${transactionOf("react", messageId, emoji, String(clock.now()))}`);
      try {
        await bot.attempt({ signal, method: "PUT", path, body: { "m.relates_to": relation } });
      } catch (error) {
        if (!isRefusal(error, "M_DUPLICATE_ANNOTATION")) throw bot.failure(error, true);
      }
      return {};
    },

    async remove(address, messageId, signal) {
      await redact(await open(address.account, signal), roomOf(address), eventId(messageId), signal);
    },
  };
}

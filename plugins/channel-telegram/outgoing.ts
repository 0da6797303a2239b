/** What goes out to Telegram: messages, their changes, and signs of life. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import { sendInSteps } from "@pincer/plugin-sdk/channel/steps";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { type Choice, type channel, channelErrors, type SendRequest } from "@pincer/plugin-sdk/contracts/channel";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import type { RawApi } from "grammy/web";
import type { Bot } from "./bot.ts";
import type { Chats } from "./chats.ts";
import { isCaptioned, isNotShown, isUnchanged, isUnparsed, movedTo } from "./failure.ts";
import { keyboardOf } from "./keyboard.ts";
import { type Medium, mediumOf, sendMedium } from "./media.ts";
import { reactionOf } from "./reactions.ts";

/** Of the text beside a file, as it is read. */
const CAPTION_LIMIT = 1024;

export interface OutgoingDeps {
  readonly chats: Chats;
  readonly clock: Clock;
  readonly store: KeyValueStore;
  readonly log: Logger;
  open(account: string): Promise<Bot>;
}

interface Words {
  readonly text: string;
  readonly plain?: string;
}

interface Target {
  readonly chat_id: string;
  readonly message_thread_id?: number;
}

/** Telegram's ids of messages and topics are numbers. Throws `CHANNEL_REJECTED`. */
export function numberOf(what: string, id: string): number {
  const number = Number(id);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw channelErrors.CHANNEL_REJECTED(`expected a ${what} of Telegram's, which is a number, came "${id}"`);
}

const topicOf = (thread: string | undefined): { readonly message_thread_id?: number } =>
  thread === undefined ? {} : { message_thread_id: numberOf("topic", thread) };

export interface Outgoing extends Omit<ImplementationOf<typeof channel>, "start"> {
  /** One call about a conversation, wherever Telegram has it now. */
  call<T>(
    address: Address,
    io: { readonly signal: AbortSignal; readonly isSafe?: boolean },
    make: (api: RawApi, target: Target) => Promise<T>,
  ): Promise<T>;
}

export function createOutgoing({ chats, clock, store, log, open }: OutgoingDeps): Outgoing {
  /** As `call`, but what Telegram refuses is thrown as grammY has it, beside the bot that can say what it means. */
  async function attempt<T>(
    bot: Bot,
    { account, conversation, thread }: Address,
    { signal, isSafe = false }: { readonly signal: AbortSignal; readonly isSafe?: boolean },
    make: (api: RawApi, target: Target) => Promise<T>,
  ): Promise<T> {
    const target = async () => ({ chat_id: await chats.current(account, conversation), ...topicOf(thread) });
    const first = await target();
    try {
      return await bot.attempt({ signal, isSafe }, (api) => make(api, first));
    } catch (error) {
      const to = movedTo(error);
      if (to === undefined) throw error;
      await chats.moved(account, first.chat_id, to);
      const now = await target();
      return await bot.attempt({ signal, isSafe }, (api) => make(api, now));
    }
  }

  const call: Outgoing["call"] = async (address, io, make) => {
    const bot = await open(address.account);
    try {
      return await attempt(bot, address, io, make);
    } catch (error) {
      throw bot.failure(error, io.isSafe);
    }
  };

  /** Marked up; and where Telegram cannot read the marks, as plain text, since nothing was done then. */
  async function inWords<T>(
    account: string,
    { text, plain }: Words,
    say: (words: { text: string; parse_mode?: "HTML" }) => Promise<T>,
  ): Promise<T> {
    try {
      return await say({ text, parse_mode: "HTML" });
    } catch (error) {
      if (!isUnparsed(error)) throw error;
      log.warn("telegram.markup-refused", { account });
      return await say({ text: plain ?? text });
    }
  }

  async function sendWords(bot: Bot, request: SendRequest, signal: AbortSignal, around: object): Promise<string> {
    const { message_id } = await inWords(bot.account, request, (words) =>
      attempt(bot, request.address, { signal }, (api, target) => api.sendMessage({ ...target, ...around, ...words })),
    );
    return String(message_id);
  }

  async function sendFile(
    bot: Bot,
    address: Address,
    medium: Medium,
    signal: AbortSignal,
    around: object,
    words: Words | undefined,
  ): Promise<string> {
    const as = (shown: Medium) => {
      const said = (caption: object) =>
        attempt(bot, address, { signal }, (api, target) => sendMedium(api, shown, { ...target, ...around, ...caption }));
      return words === undefined ? said({}) : inWords(bot.account, words, ({ text, ...mode }) => said({ caption: text, ...mode }));
    };
    try {
      return await as(medium);
    } catch (error) {
      if (medium.method === "sendDocument" || !isNotShown(error)) throw error;
      return await as({ ...medium, method: "sendDocument" });
    }
  }

  async function change(
    bot: Bot,
    address: Address,
    messageId: string,
    words: Words,
    choices: readonly Choice[] | undefined,
    signal: AbortSignal,
  ) {
    const message_id = numberOf("message", messageId);
    const markup = keyboardOf(choices);
    const edit = (
      make: (api: RawApi, at: { chat_id: string; message_id: number }, mode: { text: string; parse_mode?: "HTML" }) => Promise<unknown>,
    ) =>
      inWords(bot.account, words, (mode) =>
        attempt(bot, address, { signal, isSafe: true }, (api, { chat_id }) => make(api, { chat_id, message_id }, mode)),
      );
    try {
      await edit((api, at, mode) => api.editMessageText({ ...at, ...mode, ...markup }));
    } catch (error) {
      if (!isCaptioned(error)) throw error;
      await edit((api, at, { text, ...mode }) => api.editMessageCaption({ ...at, caption: text, ...mode, ...markup }));
    }
  }

  return {
    call,

    async send(request, { signal }) {
      const { address, text, plain, choices, attachments = [], replyTo, idempotencyKey } = request;
      const bot = await open(address.account);
      const media = attachments.map(mediumOf);
      const isBeside = media.length === 1 && (plain ?? text).length <= CAPTION_LIMIT;
      const reply =
        replyTo === undefined ? {} : { reply_parameters: { message_id: numberOf("message", replyTo), allow_sending_without_reply: true } };
      const buttons = keyboardOf(choices);
      const steps: (() => Promise<string>)[] = [];
      const step = (send: () => Promise<string>) =>
        void steps.push(async () => {
          try {
            return await send();
          } catch (error) {
            throw bot.failure(error);
          }
        });
      if (text !== "" && !isBeside) step(() => sendWords(bot, request, signal, { ...reply, ...buttons }));
      for (const medium of media) {
        const around = steps.length === 0 ? { ...reply, ...buttons } : {};
        step(() => sendFile(bot, address, medium, signal, around, isBeside && text !== "" ? request : undefined));
      }
      if (steps.length === 0) throw channelErrors.CHANNEL_REJECTED("there is neither text nor file to send");
      // What is edited later is the text, which goes first.
      const [messageId = ""] = await sendInSteps({ clock, store, key: idempotencyKey, steps });
      return { messageId };
    },

    async edit({ address, messageId, text, plain, choices }, { signal }) {
      const bot = await open(address.account);
      try {
        await change(bot, address, messageId, { text, ...(plain !== undefined && { plain }) }, choices, signal);
      } catch (error) {
        if (!isUnchanged(error)) throw bot.failure(error, true);
      }
      return {};
    },

    async typing({ address }, { signal }) {
      await call(address, { signal, isSafe: true }, (api, target) => api.sendChatAction({ ...target, action: "typing" }));
      return {};
    },

    async react({ address, messageId, emoji }, { signal }) {
      await call(address, { signal, isSafe: true }, (api, { chat_id }) =>
        api.setMessageReaction({ chat_id, message_id: numberOf("message", messageId), reaction: reactionOf(emoji) }),
      );
      return {};
    },
  };
}

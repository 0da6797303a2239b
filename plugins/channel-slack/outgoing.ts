/** What goes out to Slack: messages, their changes, and signs of life. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import { sendInSteps } from "@pincer/plugin-sdk/channel/steps";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { type channel, channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Address, Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { type Asides, isAside } from "./asides.ts";
import { blocksOf } from "./blocks.ts";
import type { Bot } from "./bot.ts";
import { isReacted } from "./failure.ts";
import { reactionOf } from "./reactions.ts";

interface OutgoingDeps {
  readonly clock: Clock;
  readonly store: KeyValueStore;
  readonly log: Logger;
  readonly asides: Asides;
  open(account: string): Promise<Bot>;
}

export type Outgoing = Omit<ImplementationOf<typeof channel>, "start">;

/** What a file is called that has no name. */
const endings: Readonly<Record<string, string>> = { jpeg: "jpg", mpeg: "mp3", "svg+xml": "svg", plain: "txt", quicktime: "mov" };

function fileName({ kind, mimeType, fileName: given }: Attachment): string {
  const subtype = /^\w+\/([\w.+-]+)/.exec(mimeType)?.[1] ?? "bin";
  return (given ?? `${kind}.${endings[subtype] ?? subtype}`).replaceAll(/[\p{Cc}/\\]/gu, "_").slice(-200);
}

/** Slack's id of a message, which is a time. Throws `CHANNEL_REJECTED`. */
function timestamp(what: string, id: string): string {
  if (/^\d{1,12}\.\d{1,6}$/.test(id)) return id;
  throw channelErrors.CHANNEL_REJECTED(`expected a ${what} of Slack's, such as 1700000000.000100, came "${id.slice(0, 60)}"`);
}

export const isFile = (messageId: string): boolean => /^F[A-Z0-9]+$/.test(messageId);

const inThread = ({ thread }: Address): { readonly thread_ts?: string } =>
  thread === undefined ? {} : { thread_ts: timestamp("thread", thread) };

/** Of a message that was sent with a file Slack says only the file's id, and the message's when the file is in its place. */
export async function messageOf(bot: Bot, { conversation }: Address, messageId: string, signal: AbortSignal): Promise<string> {
  if (!isFile(messageId)) return timestamp("message", messageId);
  const { file } = await bot.call({ signal, isSafe: true }, (api) => api.files.info({ file: messageId }));
  const shares = { ...file?.shares?.public, ...file?.shares?.private }[conversation];
  const ts = (shares as readonly { readonly ts?: string }[] | undefined)?.at(-1)?.ts;
  if (ts === undefined) throw channelErrors.CHANNEL_REJECTED("Slack does not say yet which message the file is in");
  return ts;
}

export function createOutgoing({ clock, store, log, asides, open }: OutgoingDeps): Outgoing {
  /** All in one message. Until the last call nobody has seen anything, so that only it is not repeated. */
  async function sendFiles(bot: Bot, address: Address, attachments: readonly Attachment[], comment: string, signal: AbortSignal) {
    const files: { id: string; title: string }[] = [];
    for (const attachment of attachments) {
      const bytes = Buffer.from(attachment.data, "base64");
      const name = fileName(attachment);
      const { upload_url, file_id } = await bot.call({ signal, isSafe: true }, (api) =>
        api.files.getUploadURLExternal({ filename: name, length: bytes.length }),
      );
      if (upload_url === undefined || file_id === undefined)
        throw channelErrors.CHANNEL_UNAVAILABLE("Slack does not say where a file goes");
      await bot.upload(upload_url, bytes, signal);
      files.push({ id: file_id, title: name });
    }
    const [first, ...rest] = files;
    if (!first) throw channelErrors.CHANNEL_REJECTED("there is neither text nor file to send");
    const about = {
      files: [first, ...rest] as [typeof first, ...typeof files],
      channel_id: address.conversation,
      ...(comment !== "" && { initial_comment: comment }),
    };
    const thread = inThread(address);
    await bot.call({ signal }, (api) =>
      api.files.completeUploadExternal(thread.thread_ts === undefined ? about : { ...about, thread_ts: thread.thread_ts }),
    );
    return first.id;
  }

  /** By token: who the bot is does not change. */
  const users = new Map<string, string>();
  async function userOf(bot: Bot, signal: AbortSignal): Promise<string> {
    const user = users.get(bot.login.value) ?? (await bot.self(signal)).user;
    users.set(bot.login.value, user);
    return user;
  }

  return {
    async send({ address, text, choices, attachments = [], idempotencyKey }, { signal }) {
      const bot = await open(address.account);
      if (isAside(address)) {
        if (attachments.length > 0) throw channelErrors.CHANNEL_REJECTED("where the bot is not in the channel, it answers without files");
        const body = { response_type: "ephemeral", text, blocks: blocksOf(text, choices) };
        await bot.respond(await asides.take(address), body, signal);
        return { messageId: idempotencyKey };
      }
      const isBeside = attachments.length > 0 && (choices ?? []).length === 0;
      const steps: (() => Promise<string>)[] = [];
      if (text !== "" && !isBeside) {
        steps.push(async () => {
          const { ts } = await bot.call({ signal }, (api) =>
            api.chat.postMessage({
              channel: address.conversation,
              ...inThread(address),
              text,
              blocks: blocksOf(text, choices),
              // Slack fetches what a link leads to for a preview, and so tells its owner whatever the link says.
              unfurl_links: false,
              unfurl_media: false,
            }),
          );
          if (ts === undefined) throw channelErrors.CHANNEL_UNCERTAIN("Slack does not say which message it made");
          return ts;
        });
      }
      if (attachments.length > 0) steps.push(() => sendFiles(bot, address, attachments, isBeside ? text : "", signal));
      if (steps.length === 0) throw channelErrors.CHANNEL_REJECTED("there is neither text nor file to send");
      // What is edited later is the text, which goes first.
      const [messageId = ""] = await sendInSteps({ clock, store, key: idempotencyKey, steps });
      return { messageId };
    },

    async edit({ address, messageId, text, choices }, { signal }) {
      if (isAside(address)) throw channelErrors.CHANNEL_REJECTED("what one person alone is shown cannot be changed");
      const bot = await open(address.account);
      const ts = await messageOf(bot, address, messageId, signal);
      await bot.call({ signal, isSafe: true }, (api) =>
        api.chat.update({ channel: address.conversation, ts, text, blocks: blocksOf(text, choices) }),
      );
      return {};
    },

    /** Slack shows it in threads alone. */
    async typing({ address }, { signal }) {
      if (isAside(address)) return {};
      const { thread_ts } = inThread(address);
      if (thread_ts === undefined) return {};
      const bot = await open(address.account);
      try {
        await bot.call({ signal, isSafe: true }, (api) =>
          api.assistant.threads.setStatus({ channel_id: address.conversation, thread_ts, status: "is typing…" }),
        );
      } catch (error) {
        if (!hasCode(error, "CHANNEL_REJECTED")) throw error;
        log.debug("slack.no-status", { account: bot.account, error: errorMessage(error) });
      }
      return {};
    },

    async react({ address, messageId, emoji }, { signal }) {
      const bot = await open(address.account);
      const name = reactionOf(emoji);
      if (name === undefined && emoji !== "") {
        throw channelErrors.CHANNEL_REJECTED(
          `Slack has names for reactions, such as :eyes:; that of "${emoji.slice(0, 20)}" is not known here`,
        );
      }
      const at = { channel: address.conversation, timestamp: await messageOf(bot, address, messageId, signal) };
      const io = { signal, isSafe: true };
      const user = await userOf(bot, signal);
      const { message } = await bot.call(io, (api) => api.reactions.get({ ...at, full: true }) as Promise<Reacted>);
      const own = (message?.reactions ?? []).flatMap((each) => (each.name !== undefined && each.users?.includes(user) ? [each.name] : []));
      for (const old of own)
        if (old !== name) await reacted(bot, () => bot.attempt(io, (api) => api.reactions.remove({ ...at, name: old })));
      if (name !== undefined && !own.includes(name)) await reacted(bot, () => bot.attempt(io, (api) => api.reactions.add({ ...at, name })));
      return {};
    },
  };
}

interface Reacted {
  readonly message?: { readonly reactions?: readonly { readonly name?: string; readonly users?: readonly string[] }[] };
}

async function reacted(bot: Bot, change: () => Promise<unknown>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!isReacted(error)) throw bot.failure(error, true);
  }
}

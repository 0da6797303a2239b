/** Hands in what Telegram sent, however it came, a chat's updates one after the other. Only once the inbox has answered does Telegram learn of it. */
import type { Logger } from "@pincer/plugin-sdk";
import { acceptInTime, Intake } from "@pincer/plugin-sdk/channel/intake";
import { leftOut } from "@pincer/plugin-sdk/channel/media";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { InboundMessage, type inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { Value } from "@sinclair/typebox/value";
import type { Message, Update, UserFromGetMe } from "grammy/types";
import type { Bot } from "./bot.ts";
import type { Chats } from "./chats.ts";
import { fetchFiles, fileIn } from "./files.ts";
import { type Place, readMessage, readPress } from "./incoming.ts";

/** What is asked for: edits and everything else that is no message are not even sent. */
export const WANTED = ["message", "callback_query"] as const;

export interface HandInDeps {
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly chats: Chats;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the plugin's life: what was received is handed in even when the connection is asked to end. */
  readonly signal: AbortSignal;
}

export interface Received {
  readonly bot: Bot;
  readonly me: UserFromGetMe;
  readonly updates: readonly Update[];
  /** Telegram was asked for them, and takes the next question as the word that these are kept. */
  readonly isPolled: boolean;
  /** Ends between two messages. Without it nothing is waited for: who brings it does so again. */
  readonly until?: AbortSignal;
}

/** Photos and files that were sent together come as messages of their own. */
function* albums(updates: readonly Update[]): Generator<readonly Update[]> {
  let album: Update[] = [];
  for (const update of updates) {
    const group = update.message?.media_group_id;
    if (group !== undefined && album[0]?.message?.media_group_id === group && album[0].message.chat.id === update.message?.chat.id) {
      album.push(update);
      continue;
    }
    if (album.length > 0) yield album;
    album = [update];
  }
  if (album.length > 0) yield album;
}

/** The update is not what Telegram says that it sends. */
class Unreadable extends Error {}

/** For what only looks at an update: when that fails, the update is to blame. */
function looking<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw new Unreadable(errorMessage(error));
  }
}

function reading(read: () => InboundMessage | undefined): InboundMessage | undefined {
  const message = looking(read);
  if (message === undefined || Value.Check(InboundMessage, message)) return message;
  const wrong = Value.Errors(InboundMessage, message).First();
  throw new Unreadable(`${wrong?.path}: ${wrong?.message}`);
}

export function createHandIn({ inbox, chats, clock, log, signal }: HandInDeps) {
  async function placeOf(bot: Bot, me: UserFromGetMe, chat: number): Promise<Place> {
    return { account: bot.account, settings: bot.settings, me, conversation: await chats.known(bot.account, String(chat)) };
  }

  async function read(bot: Bot, me: UserFromGetMe, updates: readonly Update[]): Promise<InboundMessage | undefined> {
    const press = updates[0]?.callback_query;
    const parts: Message[] = updates.flatMap(({ message }) => message ?? []);
    const chat = looking(() => (press ? press.message : parts[0])?.chat.id);
    if (chat === undefined) return undefined;
    const to = parts[0]?.migrate_to_chat_id;
    if (to !== undefined) await chats.moved(bot.account, String(chat), String(to));
    const place = await placeOf(bot, me, chat);
    if (press) return reading(() => readPress(press, place, clock.now()));
    const files = looking(() => parts.flatMap((part) => fileIn(part) ?? []));
    const notes = files.map((file) => leftOut(file.what, "not fetched", file));
    const said = reading(() => readMessage(parts, place, { attachments: [], notes }));
    if (!said || files.length === 0 || !(await inbox.admits({ message: said }, { signal })).admit) return said;
    const fetched = await fetchFiles(bot, clock, files, signal);
    return reading(() => readMessage(parts, place, fetched));
  }

  /** Takes the waiting sign off the button. Telegram has long forgotten a press of yesterday, which is no failure. */
  async function answerPress(bot: Bot, id: string): Promise<void> {
    try {
      await bot.call({ signal, isSafe: true }, (api) => api.answerCallbackQuery({ callback_query_id: id }));
    } catch (error) {
      log.debug("telegram.press-unanswered", { account: bot.account, error: errorMessage(error) });
    }
  }

  /** One update, or those of an album. `position`, where there is one, is kept with it. */
  async function hand({ bot, me, until }: Received, album: readonly Update[], position?: string): Promise<void> {
    let message: InboundMessage | undefined;
    try {
      message = await read(bot, me, album);
    } catch (error) {
      // What is no fault of the update's is tried again. One that cannot be read must not keep those behind it.
      if (!(error instanceof Unreadable)) throw error;
      log.error("telegram.update-unreadable", {
        account: bot.account,
        update: String(album.at(-1)?.update_id),
        error: errorMessage(error),
      });
    }
    const request = message && { message, ...(position !== undefined && { position }) };
    if (request) await (until ? acceptInTime(inbox, request, { clock, signal, until }) : inbox.accept(request, { signal }));
    else if (position !== undefined) await advance(bot, position);
    const press = album[0]?.callback_query;
    if (press) await answerPress(bot, press.id);
  }

  const advance = (bot: Bot, position: string) => inbox.advance({ channel: "telegram", account: bot.account, position }, { signal });

  /** In the order in which Telegram numbered them, which is not always that in which they come, and each once. */
  return async function handIn(received: Received): Promise<void> {
    const { bot, updates, isPolled, until } = received;
    const byNumber = new Map(updates.map((update) => [update.update_id, update]));
    const intake = new Intake({ keep: (position) => advance(bot, position) });
    for (const album of albums([...byNumber.values()].sort((a, b) => a.update_id - b.update_id))) {
      if (until?.aborted) break;
      // What is called for comes out of order, one chat beside the other: a position would say that those before it are kept.
      if (!isPolled) {
        await hand(received, album);
        continue;
      }
      const isMove = album[0]?.message?.migrate_to_chat_id !== undefined || album[0]?.message?.migrate_from_chat_id !== undefined;
      // From there on the chat has another number.
      if (isMove) await intake.settle();
      const taken = { conversation: chatOf(album), position: String(album.at(-1)?.update_id), isLarge: hasFile(album) };
      await intake.take(taken, (position) => hand(received, album, position));
      if (isMove) await intake.settle();
    }
    await intake.settle();
  };
}
export type HandIn = ReturnType<typeof createHandIn>;

/** Empty where an update is not what Telegram says that it sends. */
function chatOf([update]: readonly Update[]): string {
  const { message, callback_query: press } = update ?? {};
  return String((message ?? press?.message)?.chat?.id ?? "");
}

function hasFile(album: readonly Update[]): boolean {
  try {
    return album.some(({ message }) => message !== undefined && fileIn(message) !== undefined);
  } catch {
    return false; // silent-ok: what cannot be read is told where it is read
  }
}

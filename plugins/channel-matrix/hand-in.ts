/** Hands in what a sync brought, room by room, one event after the other. Only once all of it is kept is the next sync asked for what follows. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { InboundMessage, type inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { Value } from "@sinclair/typebox/value";
import { type Encryption, Unreadable } from "./crypto/encryption.ts";
import type { IsEncrypted } from "./encrypted-rooms.ts";
import { RoomEvent, relationOf } from "./events.ts";
import { fetchFile, unfetched } from "./files.ts";
import { type Answered, type Fetched, isFile, isSaid, readMessage, type Said } from "./incoming.ts";
import type { LateKeys } from "./late-keys.ts";
import type { Bot } from "./login.ts";
import { type Rooms, roomPath } from "./rooms.ts";

interface HandInDeps {
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: KeyValueStore;
  readonly late: LateKeys;
  readonly isEncrypted: IsEncrypted;
  /** Of the plugin's life: what was received is handed in even when the connection is asked to end. */
  readonly signal: AbortSignal;
}

export interface Receiver {
  readonly bot: Bot;
  readonly rooms: Rooms;
  /** Undefined when the account takes no part in encrypted rooms. */
  readonly encryption: Encryption | undefined;
}

/** An event that would be no better the next time, and must not keep those behind it; whatever else goes wrong is tried again. */
const isOver = (error: unknown): boolean => error instanceof Unreadable || hasCode(error, "CHANNEL_REJECTED");

export function createHandIn({ inbox, clock, log, store, late, isEncrypted, signal }: HandInDeps) {
  /** The message that is answered; without it the reply still stands. */
  async function answeredBy({ bot, encryption }: Receiver, room: string, event: RoomEvent): Promise<Answered | undefined> {
    const { answers } = relationOf(event.content);
    if (answers === undefined) return undefined;
    try {
      const found = await bot.attempt({ signal, path: roomPath(room, `event/${encodeURIComponent(answers)}`) });
      if (!Value.Check(RoomEvent, found) || found.event_id !== answers) return undefined;
      const isClosed = found.type === "m.room.encrypted";
      const opened = isClosed ? await encryption?.decryptEvent(room, found) : found;
      // Who wrote it is known also where what they wrote is not.
      return { sender: found.sender, content: opened?.content ?? {} };
    } catch (error) {
      log.debug("matrix.reply-unknown", { account: bot.account, error: errorMessage(error) });
      return undefined;
    }
  }

  function read(said: Said, fetched: Fetched): InboundMessage | undefined {
    let message: InboundMessage | undefined;
    try {
      message = readMessage(said, fetched);
    } catch (error) {
      throw new Unreadable(errorMessage(error));
    }
    const wrong = message && Value.Errors(InboundMessage, message).First();
    if (wrong) throw new Unreadable(`${wrong.path}: ${wrong.message}`);
    return message;
  }

  async function accept(receiver: Receiver, roomId: string, event: RoomEvent): Promise<void> {
    const { bot, rooms, encryption } = receiver;
    if (!isSaid({ bot, event })) return;
    const room = await rooms.of(bot, roomId, signal);
    // Whether it replies to the bot's own may decide whether it is answered: that is looked up first.
    const said: Said = { bot, room, event, answered: await answeredBy(receiver, roomId, event) };
    let message = read(said, unfetched(event.content));
    if (message === undefined) return;
    if (isFile(event.content) && (await inbox.admits({ message }, { signal })).admit) {
      message = read(said, await fetchFile(bot, clock, event.content, encryption, signal)) ?? message;
    }
    const { status } = await inbox.accept({ message }, { signal });
    if (status !== "refused" && bot.settings.receipts) await showRead(bot, roomId, event);
  }

  async function showRead(bot: Bot, room: string, { event_id, content }: RoomEvent): Promise<void> {
    try {
      await bot.call({
        ...{ signal, method: "POST", path: roomPath(room, `receipt/m.read/${encodeURIComponent(event_id)}`), isSafe: true },
        body: { thread_id: relationOf(content).thread ?? "main" },
      });
    } catch (error) {
      log.debug("matrix.receipt-unsent", { account: bot.account, error: errorMessage(error) });
    }
  }

  /** Once for each room, to somebody who may write: nobody reads what they write there. */
  async function tellUnread({ bot, rooms }: Receiver, roomId: string, { event_id, sender, origin_server_ts }: RoomEvent): Promise<void> {
    const key = `told-unread:${bot.account}:${roomId}`;
    if (sender === bot.login.userId || (await store.get<boolean>(key)) === true) return;
    const room = await rooms.of(bot, roomId, signal);
    const probe: RoomEvent = {
      ...{ event_id, sender, origin_server_ts, type: "m.room.message" },
      content: { msgtype: "m.text", body: "?", "m.mentions": { user_ids: [bot.login.userId] } },
    };
    const message = read({ bot, room, event: probe }, { attachments: [], notes: [] });
    if (message === undefined || !(await inbox.admits({ message }, { signal })).admit) return;
    const body =
      "This room is encrypted, and I do not take part in encryption here: I cannot read what is written. Write to me in a room without it.";
    await bot.call({
      ...{ signal, method: "PUT", path: roomPath(roomId, `send/m.room.message/pincer-unread-${Bun.hash(roomId).toString(36)}`) },
      body: { msgtype: "m.notice", body, "m.mentions": {} },
    });
    await store.set({ [key]: true });
    log.warn("matrix.room-unreadable", { account: bot.account, room: roomId });
  }

  async function handEvent(receiver: Receiver, roomId: string, event: RoomEvent, wasPlain: boolean): Promise<void> {
    const { bot, rooms, encryption } = receiver;
    if (event.sender === bot.login.userId) return;
    if (event.type === "m.room.encrypted") {
      if (encryption === undefined) return tellUnread(receiver, roomId, event);
      const opened = await encryption.decryptEvent(roomId, event);
      if (opened === undefined) return late.keep(bot.account, roomId, event);
      // Of the outside nothing is taken over but who, when and where, which the homeserver vouches for.
      const { event_id, sender, origin_server_ts } = event;
      return accept(receiver, roomId, { ...opened, event_id, sender, origin_server_ts });
    }
    if (!isSaid({ bot, event })) return;
    // Anybody who has the homeserver could write it in anybody's name.
    if (!wasPlain && (await isEncrypted(bot.account, await rooms.of(bot, roomId, signal)))) {
      log.warn("matrix.plain-in-encrypted", { account: bot.account, room: roomId, sender: event.sender });
      return;
    }
    return accept(receiver, roomId, event);
  }

  return {
    /** `events` of one room, oldest first. Ends between two of them when `until` aborts. */
    async room(receiver: Receiver, roomId: string, events: readonly RoomEvent[], until: AbortSignal): Promise<void> {
      // What stands before the event that turned encryption on was written without.
      const turnedOn = events.findLastIndex(({ type, state_key }) => type === "m.room.encryption" && state_key === "");
      for (const [index, event] of events.entries()) {
        if (until.aborted) return;
        try {
          await handEvent(receiver, roomId, event, index < turnedOn);
        } catch (error) {
          if (signal.aborted || !isOver(error)) throw error;
          log.error("matrix.event-unreadable", {
            account: receiver.bot.account,
            room: roomId,
            message: event.event_id,
            error: errorMessage(error),
          });
        }
      }
    },

    /** Those whose key has come meanwhile. */
    async late(receiver: Receiver, until: AbortSignal): Promise<void> {
      const { bot, encryption } = receiver;
      for (const { room, event } of await late.list(bot.account)) {
        if (until.aborted || encryption === undefined) return;
        try {
          const opened = await encryption.decryptEvent(room, event);
          if (opened === undefined) continue;
          const { event_id, sender, origin_server_ts } = event;
          await accept(receiver, room, { ...opened, event_id, sender, origin_server_ts });
        } catch (error) {
          if (signal.aborted || !isOver(error)) throw error;
          log.error("matrix.event-unreadable", { account: bot.account, room, message: event.event_id, error: errorMessage(error) });
        }
        await late.forget(bot.account, event);
      }
    },
  };
}
export type HandIn = ReturnType<typeof createHandIn>;

/** An account's connection: one request waits for news, and the next says up to where they are kept. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { type ChannelStatus, channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { Value } from "@sinclair/typebox/value";
import { fields, list, type News, RoomEvent, type RoomNews, readNews, text } from "./events.ts";
import type { HandIn, Receiver } from "./hand-in.ts";
import type { Invitations } from "./invitations.ts";
import type { Bot } from "./login.ts";
import { roomPath } from "./rooms.ts";

/** Of a room in one answer; what is more is asked for. */
const TIMELINE = 50;
const PAGE = 100;
const MOST_PAGES = 10;
/** Shorter than any wait for news. */
const QUICK_MS = 500;

const FILTER = JSON.stringify({
  presence: { not_types: ["*"] },
  account_data: { types: ["m.direct"] },
  room: {
    account_data: { not_types: ["*"] },
    ephemeral: { not_types: ["*"] },
    state: { lazy_load_members: false },
    timeline: { limit: TIMELINE },
  },
});

interface SyncingDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly handIn: HandIn;
  readonly invitations: Invitations;
}

/** Moves on once what it says is kept. */
export interface Held {
  position: string | undefined;
}

async function ask(bot: Bot, since: string | undefined, waitMs: number, signal: AbortSignal): Promise<News> {
  const news = readNews(
    await bot.call({
      ...{ signal, path: "client/v3/sync", extraMs: waitMs },
      query: { filter: FILTER, timeout: String(waitMs), since, set_presence: "online" },
    }),
  );
  if (news === undefined) throw channelErrors.CHANNEL_UNAVAILABLE(`${bot.host} answers a sync in another form than the specification has`);
  return news;
}

const isOwnMembership =
  ({ login }: Bot, membership: string) =>
  (event: { type: string; state_key?: string; content: Readonly<Record<string, unknown>> }) =>
    event.type === "m.room.member" && event.state_key === login.userId && event.content["membership"] === membership;

/** Everything since `since`, oldest first: what the sync left out is asked for. */
async function fill(
  bot: Bot,
  { id, timeline, before }: RoomNews,
  since: string,
  log: Logger,
  signal: AbortSignal,
): Promise<readonly RoomEvent[]> {
  const missed: RoomEvent[] = [];
  let from = before;
  for (let page = 0; from !== undefined && page < MOST_PAGES; page++) {
    const answer = fields(
      await bot.call({ signal, path: roomPath(id, "messages"), query: { dir: "b", from, to: since, limit: String(PAGE) } }),
    );
    const found = list(answer["chunk"]).filter((each) => Value.Check(RoomEvent, each));
    missed.push(...found);
    from = found.length === 0 ? undefined : text(answer["end"]);
  }
  if (from !== undefined) log.warn("matrix.missed-more", { account: bot.account, room: id, fetched: missed.length });
  return [...missed.reverse(), ...timeline];
}

/** What was written in a room since it was looked at last; in one that was joined just now, since the account was invited to it. */
async function timelineOf(bot: Bot, room: RoomNews, since: string, log: Logger, signal: AbortSignal): Promise<readonly RoomEvent[]> {
  const isJoin = isOwnMembership(bot, "join");
  const joinedIn = (events: readonly RoomEvent[]) =>
    events.findLastIndex((event) => isJoin(event) && fields(fields(event.unsigned)["prev_content"])["membership"] !== "join");
  // What stands before a joining that is in sight was said to others.
  const events = joinedIn(room.timeline) >= 0 ? room.timeline : await fill(bot, room, since, log, signal);
  const joined = joinedIn(events);
  if (joined < 0) return events;
  const invited = events.slice(0, joined).findLastIndex(isOwnMembership(bot, "invite"));
  return events.slice(invited >= 0 ? invited : joined);
}

/** Ends with the signal. */
export async function* sync(
  { clock, log, inbox, handIn, invitations }: SyncingDeps,
  receiver: Receiver,
  held: Held,
  signal: AbortSignal,
): AsyncGenerator<ChannelStatus, void, void> {
  const { bot, rooms, encryption } = receiver;
  const self = bot.login.userId;
  const connected: ChannelStatus = {
    state: "connected",
    self,
    ...(bot.settings.encryption ? {} : { detail: "encrypted rooms are not read (channels.matrix.encryption is false)" }),
  };
  let isConnected = false;
  while (!signal.aborted) {
    const since = held.position;
    // The first answer says that there is a connection, so it is not waited for.
    const waitMs = isConnected ? bot.settings.pollSeconds * 1000 : 0;
    const asked = clock.monotonic();
    const news = await ask(bot, since, waitMs, signal);
    const isFirst = !isConnected;
    isConnected = true;
    // The very first connection is one once its place is kept: a start behind it would take whatever comes now for history.
    if (isFirst && since !== undefined) yield connected;
    const hasNewKeys = (await encryption?.receive(news)) ?? false;
    await rooms.learn(news);
    await invitations.learn(bot, news);
    // A key that came just before the last end was not looked at any more.
    if (hasNewKeys || isFirst) await handIn.late(receiver, signal);
    // What was written before the account was connected for the first time is nobody's question.
    if (since !== undefined) {
      for (const room of news.rooms) {
        try {
          await handIn.room(receiver, room.id, await timelineOf(bot, room, since, log, signal), signal);
        } catch (error) {
          if (!hasCode(error, "CHANNEL_REJECTED")) throw error;
          // The account was put out of it meanwhile.
          log.warn("matrix.room-closed", { account: bot.account, room: room.id, error: error.message });
        }
      }
    }
    if (signal.aborted) return;
    if (news.next !== since) {
      await inbox.advance({ channel: "matrix", account: bot.account, position: news.next }, { signal });
      held.position = news.next;
    }
    if (isFirst && since === undefined) yield connected;
    await encryption?.settle(signal);
    await invitations.follow(bot, signal).catch((error: unknown) => {
      if (signal.aborted || hasCode(error, "CHANNEL_LOGIN_REQUIRED")) throw error;
      log.warn("matrix.invitations-unfollowed", { account: bot.account, error: errorMessage(error) });
    });
    // A homeserver that answers at once, with nothing, must not be asked without a pause.
    if (news.next === since && waitMs > 0 && clock.monotonic() - asked < QUICK_MS) await clock.sleep(QUICK_MS, signal);
  }
}

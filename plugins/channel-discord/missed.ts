/** What was written while no session ran: fetched from each conversation in which somebody was answered, and handed in by age. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { type APIMessage, Routes } from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import { isClosed } from "./failure.ts";
import type { KnownPlaces } from "./known-places.ts";
import { byAge, firstAt, timeOf } from "./snowflake.ts";

/** Of one conversation, as Discord hands them out, and how many of these are asked for. */
const PAGE = 100;
const MOST_PAGES = 5;
/** Discord's machines number side by side: what came a little late has a smaller number. The inbox knows what it has seen. */
const OVERLAP_MS = 10_000;

interface MissedDeps {
  readonly bot: Bot;
  readonly known: KnownPlaces;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Oldest first. Of a conversation in which more was written, the oldest: so nothing is skipped in the middle. */
export async function fetchMissed(
  { bot, known, clock, log }: MissedDeps,
  from: string,
  signal: AbortSignal,
): Promise<readonly APIMessage[]> {
  const after = firstAt(timeOf(from) - OVERLAP_MS);
  const missed: APIMessage[] = [];
  for (const id of await known.list(bot.account)) {
    try {
      missed.push(...(await fetchPlace(id)));
    } catch (error) {
      if (!isClosed(error)) throw bot.failure(error, true);
      await known.forget(bot.account, id);
    }
  }
  return missed.sort((a, b) => byAge(a.id, b.id));

  async function fetchPlace(id: string): Promise<readonly APIMessage[]> {
    const found: APIMessage[] = [];
    for (let page = 0, last = after; page < MOST_PAGES; page++) {
      const query = new URLSearchParams({ after: last, limit: String(PAGE) });
      const messages = await patiently(() =>
        bot.attempt<APIMessage[]>({ signal, isSafe: true }, (rest) => rest.get(Routes.channelMessages(id), { query })),
      );
      const sorted = messages.toSorted((a, b) => byAge(a.id, b.id));
      found.push(...sorted);
      const newest = sorted.at(-1)?.id;
      if (newest === undefined || messages.length < PAGE) return found;
      last = newest;
    }
    log.warn("discord.missed-more", { account: bot.account, channel: id, fetched: found.length });
    return found;
  }

  /** Waits as long as it is asked to. */
  async function patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!isGatewayError(error) || error.code !== "CHANNEL_RATE_LIMITED") throw error;
        await clock.sleep(error.retryAfterMs ?? 1000, signal);
      }
    }
  }
}

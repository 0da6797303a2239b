/** What was written while nobody listened: Slack brings an event again for some minutes only, and keeps the messages themselves. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { read, SlackMessage } from "./events.ts";
import { isClosed } from "./failure.ts";
import type { HandIn } from "./hand-in.ts";
import type { Receiving } from "./incoming.ts";
import type { KnownPlace, Places } from "./places.ts";

/** Of one conversation: newer ones first. */
const PAGE = 100;
const MOST_PAGES = 3;
/** Events come in another order than that of the messages: so much before the last one is asked for again. */
const OVERLAP_SECONDS = 120;
/** After a longer silence nothing is on its way any more, and the inbox may have forgotten what it had. */
const OVERLAP_WITHIN_MS = 24 * 3_600_000;
/** How many are asked about at once, and how often one that Slack wants to wait for. */
const AT_ONCE = 4;
const ATTEMPTS = 5;

interface MissedDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly handIn: HandIn;
  readonly places: Places;
}

export function createMissed({ clock, log, handIn, places }: MissedDeps) {
  async function fetchPlace(
    { bot }: Receiving,
    { conversation, thread, ts, at }: KnownPlace,
    signal: AbortSignal,
  ): Promise<SlackMessage[]> {
    const overlap = at > clock.now() - OVERLAP_WITHIN_MS ? OVERLAP_SECONDS : 0;
    const oldest = (Number(ts) - overlap).toFixed(6);
    const found: SlackMessage[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const about = { channel: conversation, oldest, inclusive: true, limit: PAGE, ...(cursor && { cursor }) };
      const { messages = [], response_metadata } = await bot.attempt({ signal, isSafe: true }, (api) =>
        thread === undefined ? api.conversations.history(about) : api.conversations.replies({ ...about, ts: thread }),
      );
      for (const message of messages) {
        try {
          const one = read(SlackMessage, { ...message, channel: conversation });
          if (Number(one.ts) >= Number(oldest) && one.ts !== ts) found.push(one);
        } catch (error) {
          log.error("slack.event-unreadable", { account: bot.account, kind: "history", error: errorMessage(error) });
        }
      }
      cursor = response_metadata?.next_cursor || undefined;
      if (cursor === undefined) break;
    }
    return found.sort((a, b) => Number(a.ts) - Number(b.ts));
  }

  /** Milliseconds after which to ask again, when Slack says so. */
  async function catchUp(receiving: Receiving, place: KnownPlace, signal: AbortSignal): Promise<number | undefined> {
    const { bot } = receiving;
    try {
      for (const message of await fetchPlace(receiving, place, signal)) {
        if (signal.aborted) return undefined;
        await handIn.handMessage(message, receiving);
      }
      return undefined;
    } catch (thrown) {
      if (signal.aborted) return undefined;
      const error = bot.failure(thrown, true);
      if (hasCode(error, "CHANNEL_RATE_LIMITED")) return error.retryAfterMs ?? 1_000;
      if (isClosed(thrown)) await places.forget(bot.account, place);
      log.warn("slack.missed-unread", { account: bot.account, conversation: place.conversation, error: errorMessage(error) });
      return undefined;
    }
  }

  /**
   * What asks for that which is missing in all known places, each before anything that comes there from now on; `ready` says whether what
   * comes is heard, once that is known. It ends with the signal.
   */
  return async function prepareMissed(receiving: Receiving) {
    const known = await places.list(receiving.bot.account);
    return async function fetchMissed(ready: Promise<boolean>, signal: AbortSignal): Promise<void> {
      const slots = new Slots(AT_ONCE);
      await Promise.allSettled(
        known.map(async (place) => {
          for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
            const waitMs = await handIn.inLine(receiving, place.conversation, async () => {
              if (!(await ready)) return undefined;
              using _slot = await slots.enter();
              return signal.aborted ? undefined : await catchUp(receiving, place, signal);
            });
            if (waitMs === undefined) return;
            await clock.sleep(waitMs, signal);
          }
        }),
      );
    };
  };
}

class Slots {
  readonly #waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async enter(): Promise<Disposable> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    return { [Symbol.dispose]: () => this.#leave() };
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.free++;
  }
}

/** An account in Socket Mode: one connection or several, each followed by the next before it goes. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { type ChannelStatus, channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { HandIn } from "./hand-in.ts";
import type { Receiving } from "./incoming.ts";
import { type Envelope, type Link, openLink } from "./link.ts";

/** Slack closes a connection by itself after it has asked to leave it; one that it forgets is closed here. */
const LINGER_MS = 15_000;

/** Before a connection that broke is made anew beside those that hold. */
const PAUSE_MS = 1_000;

const DISABLED = "turn Socket Mode on (https://api.slack.com/apps, your app, Socket Mode), or set channels.slack.mode to http";
const TOO_MANY =
  "other programs hold connections of this app, and Slack hands each message to one of them: end those, or make an app of its own for this gateway";

interface SocketDeps {
  readonly clock: Clock;
  readonly handIn: HandIn;
  readonly log: Logger;
  /** The first connection is there. */
  onReady(): void;
}

/** Ends with the signal. */
export async function* receiveBySocket(
  receiving: Receiving,
  { clock, handIn, log, onReady }: SocketDeps,
  signal: AbortSignal,
): AsyncGenerator<ChannelStatus, void, void> {
  const { bot, self } = receiving;
  const links = new Set<Link>();
  const lingering: Promise<void>[] = [];
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined); // silent-ok: whoever waits for it is told
  const first = Promise.withResolvers<void>();
  using linked = linkSignals(signal);

  const failed = (error: unknown) => log.warn("slack.event-not-kept", { account: bot.account, error: errorMessage(error) });
  async function take({ kind, payload }: Envelope): Promise<void> {
    // Asked whether it still holds, Slack says that the login is over.
    if (handIn.isEnd(kind, payload)) await bot.self(linked.signal).catch(failure.reject);
    await handIn.hand(kind, payload, receiving);
  }

  async function linger(link: Link): Promise<void> {
    await clock.sleep(LINGER_MS, linked.signal).catch(() => undefined); // silent-ok: closed at once when all is to end
    links.delete(link);
    await link.close();
  }

  /** One of the connections, and those that follow it. */
  async function hold(): Promise<void> {
    while (!linked.signal.aborted) {
      const link = openLink(await bot.socketUrl(linked.signal), { clock, take, failed });
      links.add(link);
      const stop = () => void link.close();
      linked.signal.addEventListener("abort", stop, { once: true });
      try {
        await link.hello;
        first.resolve();
        const { reason, detail } = await link.parting;
        if (linked.signal.aborted) return;
        if (reason === "refresh") {
          lingering.push(linger(link));
          continue;
        }
        links.delete(link);
        if (reason === "link_disabled") throw channelErrors.CHANNEL_UNAVAILABLE(`Socket Mode is turned off for this app: ${DISABLED}`);
        if (reason === "too_many_websockets") throw channelErrors.CHANNEL_UNAVAILABLE(`there are too many connections: ${TOO_MANY}`);
        if (links.size === 0) throw channelErrors.CHANNEL_UNAVAILABLE(detail);
        log.info("slack.link-lost", { account: bot.account, left: links.size, detail });
        await clock.sleep(PAUSE_MS, linked.signal);
      } catch (error) {
        links.delete(link);
        if (linked.signal.aborted) return;
        throw error;
      } finally {
        linked.signal.removeEventListener("abort", stop);
      }
    }
  }

  const holding = Promise.all(Array.from({ length: bot.settings.connections }, hold));
  holding.catch(() => undefined); // silent-ok: it is awaited below
  try {
    await Promise.race([first.promise, holding, failure.promise]);
    if (linked.signal.aborted) return;
    onReady();
    yield { state: "connected", self: `@${self.name}` };
    await Promise.race([holding, failure.promise]);
  } finally {
    linked.abort(new Error("the connection is to end"));
    await Promise.allSettled([...links].map((link) => link.close()));
    await Promise.allSettled([holding, ...lingering]);
  }
}

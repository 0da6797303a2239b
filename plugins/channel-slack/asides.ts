/**
 * Commands that are typed where the bot is no member: it may not write there, but answer who typed, whom alone Slack shows it, by the address that
 * came with the command (docs.slack.dev/interactivity/handling-user-interaction, "Message responses"). Each such person is a conversation of its own.
 */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { Bot } from "./bot.ts";
import { isNoMember } from "./failure.ts";
import { isDirect } from "./incoming.ts";

/** Slack's own bounds. */
const KEPT_MS = 30 * 60_000;
const MOST_ANSWERS = 5;
/** Slack wants its answer within three seconds. */
const WAIT_MS = 1_000;

const PREFIX = "only:";

interface Aside {
  readonly url: string;
  readonly until: number;
  readonly left: number;
}

export const isAside = ({ thread }: Address): boolean => thread?.startsWith(PREFIX) === true;

export function keepAsides(store: KeyValueStore, clock: Clock) {
  const keyOf = ({ account, conversation, thread = "" }: Address) => `aside:${account}:${conversation}:${thread}`;

  /** Where nobody can say it, it is answered as where the bot is. */
  async function isMember(bot: Bot, conversation: string, caller: AbortSignal): Promise<boolean> {
    using linked = linkSignals(caller);
    using _timer = clock.after(WAIT_MS, () => linked.abort(new DOMException("Slack takes too long", "TimeoutError")));
    try {
      const io = { signal: linked.signal, isSafe: true };
      const { channel } = await bot.attempt(io, (api) => api.conversations.info({ channel: conversation }));
      return channel?.is_member !== false;
    } catch (error) {
      return !isNoMember(error); // silent-ok: what it is unsure of is tried, and told when it fails
    }
  }

  return {
    /** Where a command of that person is answered. */
    async placeOf(bot: Bot, address: Address, user: string, url: string | undefined, signal: AbortSignal): Promise<Address> {
      if (url === undefined || isDirect(address.conversation) || (await isMember(bot, address.conversation, signal))) return address;
      const aside = { ...address, thread: `${PREFIX}${user}` };
      const old = (await store.list<Aside>("aside:")).filter(({ value }) => value.until <= clock.now());
      const kept: Aside = { url, until: clock.now() + KEPT_MS, left: MOST_ANSWERS };
      await store.set({ ...Object.fromEntries(old.map(({ key }) => [key, undefined])), [keyOf(aside)]: kept });
      return aside;
    },

    /** The address for one more answer. Throws `CHANNEL_REJECTED`. */
    async take(address: Address): Promise<string> {
      const kept = await store.get<Aside>(keyOf(address));
      if (!kept || kept.until <= clock.now() || kept.left === 0)
        throw channelErrors.CHANNEL_REJECTED(
          `the bot is not in that channel, where Slack takes ${MOST_ANSWERS} answers to a command within half an hour: /invite it there`,
        );
      await store.set({ [keyOf(address)]: { ...kept, left: kept.left - 1 } });
      return kept.url;
    },
  };
}
export type Asides = ReturnType<typeof keepAsides>;

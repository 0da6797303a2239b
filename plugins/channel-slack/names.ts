/** What people and channels are called. Asked for within a bound of time, and remembered: a message is not kept waiting for a name. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { Bot } from "./bot.ts";
import type { SlackMessage } from "./events.ts";
import { isMissingScope } from "./failure.ts";
import { isDirect, type Known, peopleIn, type Receiving } from "./incoming.ts";

/** Slack wants its answer within three seconds. */
const WAIT_MS = 1_000;
const KEPT_MS = 3_600_000;
const MOST = 2_000;
/** Of one message. */
const MOST_PEOPLE = 10;

interface Person {
  readonly name: string;
  readonly isBot: boolean;
}

interface Remembered<T> {
  readonly at: number;
  readonly value: T | undefined;
}

/** Oldest out first. */
class Memory<T> {
  readonly #entries = new Map<string, Remembered<T>>();

  constructor(private readonly clock: Clock) {}

  get(key: string): Remembered<T> | undefined {
    const entry = this.#entries.get(key);
    return entry && this.clock.monotonic() - entry.at < KEPT_MS ? entry : undefined;
  }

  set(key: string, value: T | undefined): void {
    this.#entries.delete(key);
    this.#entries.set(key, { at: this.clock.monotonic(), value });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MOST) break;
      this.#entries.delete(oldest);
    }
  }
}

export function createNames(clock: Clock) {
  const people = new Memory<Person>(clock);
  const titles = new Memory<string>(clock);

  /** Undefined, and not asked for again for a while, where Slack does not say. */
  async function ask<T>(memory: Memory<T>, bot: Bot, id: string, signal: AbortSignal, question: () => Promise<T | undefined>) {
    const key = `${bot.account}:${id}`;
    const kept = memory.get(key) ?? memory.get(`${bot.account}:*`);
    if (kept) return kept.value;
    try {
      const value = await question();
      memory.set(key, value);
      return value;
    } catch (error) {
      if (signal.aborted) return undefined;
      // silent-ok: a name is a courtesy; without the scope nobody has one
      memory.set(isMissingScope(error) ? `${bot.account}:*` : key, undefined);
      return undefined;
    }
  }

  const person = (bot: Bot, id: string, signal: AbortSignal) =>
    ask(people, bot, id, signal, async () => {
      const { user } = await bot.attempt({ signal, isSafe: true }, (api) => api.users.info({ user: id }));
      const name = user?.profile?.display_name || user?.profile?.real_name || user?.real_name || user?.name;
      return name === undefined ? undefined : { name, isBot: user?.is_bot === true };
    });

  const title = (bot: Bot, conversation: string, signal: AbortSignal) =>
    ask(titles, bot, conversation, signal, async () => {
      const { channel } = await bot.attempt({ signal, isSafe: true }, (api) => api.conversations.info({ channel: conversation }));
      return channel?.name;
    });

  /** Never throws. */
  return async function know(message: SlackMessage, receiving: Receiving, caller: AbortSignal): Promise<Known> {
    const { bot, self } = receiving;
    using linked = linkSignals(caller);
    using _timer = clock.after(WAIT_MS, () => linked.abort(new DOMException("a name takes too long", "TimeoutError")));
    const { signal } = linked;
    const asked = peopleIn(message, receiving).slice(0, MOST_PEOPLE);
    const [found, called] = await Promise.all([
      Promise.all(asked.map(async (id) => [id, await person(bot, id, signal)] as const)),
      isDirect(message.channel) ? undefined : title(bot, message.channel, signal),
    ]);
    const users = new Map<string, Person>(found.flatMap(([id, known]) => (known ? [[id, known] as const] : [])));
    return { users: users.set(self.user, { name: self.name, isBot: true }), title: called };
  };
}
export type Know = ReturnType<typeof createNames>;

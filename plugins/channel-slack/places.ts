/** Conversations and threads in which somebody was answered, and up to which message of each everything is kept: what is asked for after a silence. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";

export interface Place {
  readonly conversation: string;
  readonly thread?: string;
  /** Of its last message that was kept. */
  readonly ts: string;
}

export interface KnownPlace extends Place {
  /** When that was, in epoch milliseconds. */
  readonly at: number;
}

/** Who asks for more would be asked to wait. */
const MOST = 50;
const KEPT_MS = 14 * 24 * 3_600_000;
/** A message that nobody answers is worth a write only so often. */
const IDLE_SECONDS = 60;

const prefixOf = (account: string): string => `place:${account}:`;
const keyOf = (account: string, { conversation, thread }: Pick<Place, "conversation" | "thread">): string =>
  `${prefixOf(account)}${conversation}${thread === undefined ? "" : `:${thread}`}`;

export function keepPlaces(store: KeyValueStore, clock: Clock) {
  const last = new Map<string, string>();

  return {
    /** The ones that were talked in last come first; those that are old are forgotten. */
    async list(account: string): Promise<readonly KnownPlace[]> {
      const entries = (await store.list<KnownPlace>(prefixOf(account))).toSorted((a, b) => b.value.at - a.value.at);
      const fresh = entries.slice(0, MOST).filter(({ value }) => value.at > clock.now() - KEPT_MS);
      const old = entries.slice(fresh.length).map(({ key }) => key);
      if (old.length > 0) await store.set(Object.fromEntries(old.map((key) => [key, undefined])));
      for (const key of old) last.delete(key);
      for (const { key, value } of fresh) last.set(key, value.ts);
      return fresh.map(({ value }) => value);
    },

    /** `isAnswered`: what was said there is for the bot. */
    async keep(account: string, place: Place, isAnswered: boolean): Promise<void> {
      const key = keyOf(account, place);
      const before = last.get(key);
      if (before === undefined && !isAnswered) return;
      if (before !== undefined && Number(place.ts) <= Number(before) + (isAnswered ? 0 : IDLE_SECONDS)) return;
      last.set(key, place.ts);
      await store.set({ [key]: { ...place, at: clock.now() } satisfies KnownPlace });
    },

    async forget(account: string, place?: Pick<Place, "conversation" | "thread">): Promise<void> {
      const keys = place ? [keyOf(account, place)] : (await store.list(prefixOf(account))).map(({ key }) => key);
      for (const key of keys) last.delete(key);
      await store.set(Object.fromEntries(keys.map((key) => [key, undefined])));
    },
  };
}
export type Places = ReturnType<typeof keepPlaces>;

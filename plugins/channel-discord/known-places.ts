/** Where somebody was answered: there is looked for what was missed. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";

/** Of one account; the oldest is forgotten. */
const MOST = 200;
/** How exact the time is that is kept. */
const GRAIN_MS = 24 * 3_600_000;

const prefixOf = (account: string) => `place:${account}:`;

export interface KnownPlaces {
  add(account: string, id: string): Promise<void>;
  /** The last used first. */
  list(account: string): Promise<readonly string[]>;
  forget(account: string, id: string): Promise<void>;
}

export function keepPlaces(store: KeyValueStore, clock: Clock): KnownPlaces {
  const written = new Map<string, number>();
  const kept = async (account: string) => {
    const entries = await store.list<number>(prefixOf(account));
    return entries.toSorted((a, b) => b.value - a.value);
  };
  return {
    async add(account, id) {
      const key = `${prefixOf(account)}${id}`;
      const now = clock.now();
      const before = written.get(key);
      if (before !== undefined && Math.abs(now - before) < GRAIN_MS) return;
      written.set(key, now);
      const old = (await kept(account)).filter((entry) => entry.key !== key).slice(MOST - 1);
      for (const entry of old) written.delete(entry.key);
      await store.set({ ...Object.fromEntries(old.map((entry) => [entry.key, undefined])), [key]: now });
    },
    list: async (account) => (await kept(account)).map(({ key }) => key.slice(prefixOf(account).length)),
    async forget(account, id) {
      const key = `${prefixOf(account)}${id}`;
      written.delete(key);
      await store.set({ [key]: undefined });
    },
  };
}

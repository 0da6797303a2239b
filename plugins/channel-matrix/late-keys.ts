/** Encrypted events whose key has not come: kept until it does, for a day. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { RoomEvent } from "./events.ts";

interface Waiting {
  readonly room: string;
  readonly event: RoomEvent;
  readonly since: number;
}

const KEPT_MS = 24 * 3_600_000;
/** Of one account; an event has at most 64 KB. */
const MOST = 200;

const prefixOf = (account: string): string => `late:${account}:`;

export interface LateKeys {
  keep(account: string, room: string, event: RoomEvent): Promise<void>;
  /** Oldest first. */
  list(account: string): Promise<readonly Waiting[]>;
  forget(account: string, event: RoomEvent): Promise<void>;
}

export function keepLateKeys(store: KeyValueStore, clock: Clock, log: Logger): LateKeys {
  const list: LateKeys["list"] = async (account) => {
    const now = clock.now();
    const all = (await store.list<Waiting>(prefixOf(account))).toSorted((a, b) => a.value.since - b.value.since);
    const over = all.filter(({ value }, index) => index < all.length - MOST || Math.abs(now - value.since) > KEPT_MS);
    if (over.length > 0) {
      log.warn("matrix.key-never-came", { account, events: over.length });
      await store.set(Object.fromEntries(over.map(({ key }) => [key, undefined])));
    }
    return all.filter((entry) => !over.includes(entry)).map(({ value }) => value);
  };
  return {
    list,
    async keep(account, room, event) {
      const key = `${prefixOf(account)}${event.event_id}`;
      if ((await store.get<Waiting>(key)) !== undefined) return;
      await store.set({ [key]: { room, event, since: clock.now() } satisfies Waiting });
      log.info("matrix.key-awaited", { account, room, message: event.event_id });
      await list(account);
    },
    forget: (account, { event_id }) => store.set({ [`${prefixOf(account)}${event_id}`]: undefined }),
  };
}

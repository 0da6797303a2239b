/** The book in the store: whatever changed is written behind the back of whoever calls a model, as one commit, and the next a little later. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { OpenCall, Row, Told } from "./book.ts";

interface Kept {
  readonly rows: ReadonlyMap<string, Row>;
  readonly told: readonly Told[];
  readonly open: readonly OpenCall[];
}

export interface Keeping {
  /** `value` is asked for when it is written. */
  changed(key: string, value: () => unknown): void;
  load(): Promise<Kept>;
  /** Resolves once everything that changed before is durable. */
  flush(): Promise<void>;
  /** Nothing is written by itself behind it. */
  end(): Promise<void>;
}

/** Between two commits, so that a hundred calls are one. */
const gatherMs = 100;

export function createKeeping({
  clock,
  log,
  store,
}: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: KeyValueStore;
}): Keeping {
  const changes = new Map<string, () => unknown>();
  let writing: Promise<void> | undefined;
  let gathering: Disposable | undefined;

  const write = async (): Promise<void> => {
    const batch = [...changes];
    changes.clear();
    try {
      await store.set(Object.fromEntries(batch.map(([key, value]) => [key, value()])));
    } catch (error) {
      // What is full or locked is tried again; what has changed meanwhile is newer.
      for (const [key, value] of batch) if (!changes.has(key)) changes.set(key, value);
      log.error("budgets.not-kept", { error: errorMessage(error) });
      throw error;
    }
  };
  const start = (): Promise<void> => {
    gathering?.[Symbol.dispose]();
    gathering = undefined;
    writing ??= write().finally(() => {
      writing = undefined;
      gathering = clock.after(gatherMs, () => {
        gathering = undefined;
        if (changes.size > 0) void begin();
      });
    });
    return writing;
  };
  const begin = () => start().catch(() => undefined); // silent-ok: it has been logged, and is tried again
  const flush = async (): Promise<void> => {
    while (writing !== undefined || changes.size > 0) await start();
  };

  return {
    changed(key, value) {
      changes.set(key, value);
      if (writing === undefined && gathering === undefined) void begin();
    },

    async load() {
      await flush();
      const list = <T>(prefix: string) => store.list<T>(prefix);
      const rows = (await Promise.all(["day/", "session/", "turn/"].map((prefix) => list<Row>(prefix)))).flat();
      const [told, open] = await Promise.all([list<Told>("told/"), list<OpenCall>("open/")]);
      return {
        rows: new Map(rows.map(({ key, value }) => [key, value])),
        told: told.map(({ value }) => value),
        open: open.map(({ value }) => value),
      };
    },

    flush,

    async end() {
      try {
        await flush();
      } finally {
        gathering?.[Symbol.dispose]();
      }
    },
  };
}

/**
 * Conversations as runs left them, so that the next turn reads and counts only what is new. Bounded; a conversation that did not go on
 * where it was left is read again.
 */
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { Entry, sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { type ContextItem, itemsOf, keptFrom } from "./context-window.ts";

type Sessions = ImplementationOf<typeof sessions>;
/** Where an entry stands. */
export type Place = Pick<Entry, "id" | "seq">;

export interface Reading {
  readonly items: readonly ContextItem[];
  /** The newest entry of the path, which may be a note. */
  readonly leaf: Place | undefined;
}

interface Known extends Reading {
  readonly bytes: number;
}

/** How many new entries are looked through for the place where a conversation was left. */
const lookBack = 4;

export class ContextCache {
  readonly #mostBytes: () => number;
  /** Least lately kept first. */
  readonly #known = new Map<string, Known>();
  #bytes = 0;

  constructor(mostBytes: () => number) {
    this.#mostBytes = mostBytes;
  }

  /** The conversation from the last summary on, with what that summary left word for word. */
  async read(store: Sessions, key: string, io: Io): Promise<Reading> {
    const known = this.#known.get(key);
    if (known?.leaf === undefined) return readAll(store, key, io);
    const { entries } = await store.path({ key, limit: lookBack }, io);
    const at = entries.findIndex(({ id }) => id === known.leaf?.id);
    const since = entries.slice(at + 1);
    if (at === -1 || since.some(({ kind }) => kind === "summary")) return readAll(store, key, io);
    return { items: [...known.items, ...itemsOf(since)], leaf: entries.at(-1) };
  }

  keep(key: string, { items, leaf }: Reading): void {
    this.forget(key);
    const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
    this.#known.set(key, { items: [...items], leaf, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#known.keys()) {
      if (this.#bytes <= this.#mostBytes()) return;
      this.forget(oldest);
    }
  }

  forget(key: string): void {
    this.#bytes -= this.#known.get(key)?.bytes ?? 0;
    this.#known.delete(key);
  }
}

async function readAll(store: Sessions, key: string, io: Io): Promise<Reading> {
  const { entries } = await store.path({ key, fromSummary: true }, io);
  const leaf = entries.at(-1);
  const summary = entries.find(({ kind }) => kind === "summary");
  const from = summary === undefined ? undefined : keptFrom(summary.id);
  if (summary === undefined || from === undefined || from >= summary.seq) return { items: itemsOf(entries), leaf };
  const before = await store.path({ key, before: summary.seq, limit: summary.seq - from }, io);
  return { items: itemsOf([...before.entries, ...entries]), leaf };
}

/** What a run leaves: its own entries behind what it read, as long as nobody else wrote in between. */
export function continued({ leaf }: Reading, items: readonly ContextItem[], own: readonly Place[]): Reading | undefined {
  const since = own.filter(({ seq }) => seq > (leaf?.seq ?? 0)).sort((a, b) => a.seq - b.seq);
  const isUnbroken = since.every(({ seq }, index) => seq === (leaf?.seq ?? 0) + index + 1);
  return isUnbroken ? { items, leaf: since.at(-1) ?? leaf } : undefined;
}

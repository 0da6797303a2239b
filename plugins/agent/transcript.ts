/** The session's transcript as one run reads it and writes to it. Writes are not waited for until somebody must know that they hold. */
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { NewEntry, sessions } from "@pincer/plugin-sdk/contracts/sessions";
import type { Message } from "@pincer/plugin-sdk/message";
import { type ContextItem, contextItem, itemsOf, keptFrom } from "./context-window.ts";

type Sessions = ImplementationOf<typeof sessions>;

/** The conversation from the last summary on, with what that summary left word for word. */
export async function readContext(store: Sessions, key: string, io: Io): Promise<ContextItem[]> {
  const { entries } = await store.path({ key, fromSummary: true }, io);
  const summary = entries.find(({ kind }) => kind === "summary");
  const from = summary === undefined ? undefined : keptFrom(summary.id);
  if (summary === undefined || from === undefined || from >= summary.seq) return itemsOf(entries);
  const before = await store.path({ key, before: summary.seq, limit: summary.seq - from }, io);
  return itemsOf([...before.entries, ...entries]);
}

export class Transcript {
  readonly #store: Sessions;
  readonly #key: string;
  readonly #io: Io;
  readonly #own = new Map<string, ContextItem>();
  #items: ContextItem[] | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(store: Sessions, key: string, io: Io) {
    this.#store = store;
    this.#key = key;
    this.#io = io;
  }

  /** Appends one entry. A repetition of its id changes nothing. */
  append(entry: NewEntry): void {
    if (entry.kind !== "note") {
      const item = contextItem(entry.id, entry.message, entry.kind);
      this.#own.set(entry.id, item);
      this.#items?.push(item);
    }
    const written = this.#store.append({ key: this.#key, entries: [entry] }, this.#io).then(({ entries }) => {
      for (const { id, seq } of entries) {
        const item = this.#own.get(id);
        if (item !== undefined) item.seq = seq;
      }
    });
    this.#writing = Promise.all([this.#writing, written]).then(
      () => undefined,
      (error: unknown) => {
        this.#failure ??= error;
      },
    );
  }

  /** Resolves when everything appended so far is durable; throws when something of it is not. */
  async settled(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * What the model sees. A run that was resumed finds its own entries where it wrote them; a fresh one does not wait for its first to
   * arrive in the store.
   */
  async items(resumed: boolean): Promise<readonly ContextItem[]> {
    if (this.#items !== undefined) return this.#items;
    if (resumed) await this.settled();
    const stored = await readContext(this.#store, this.#key, this.#io);
    const own = resumed ? [] : [...this.#own.values()];
    this.#items = [...stored.filter(({ id }) => resumed || !this.#own.has(id)), ...own];
    return this.#items;
  }

  /** Puts a summary in the place of what stands before `from`, an index of `items`. */
  async summarise(name: string, text: string, from: number, timestamp: number, id: (keptFrom: number) => string): Promise<void> {
    await this.settled();
    const items = this.#items ?? [];
    const kept = items.slice(from);
    const first = kept[0]?.seq;
    if (first === undefined) throw new Error(`the entry behind which the summary ${name} begins has not been written`);
    const message: Message = { role: "user", content: text, timestamp };
    const entry: NewEntry = { id: id(first), kind: "summary", message };
    const { entries } = await this.#store.append({ key: this.#key, entries: [entry] }, this.#io);
    const summary = contextItem(entry.id, message, "summary", entries[0]?.seq);
    // What was counted before the summary speaks of a conversation that is gone.
    this.#items = [summary, ...kept.map(({ counted: _, ...item }) => item)];
  }
}

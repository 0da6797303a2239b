/** The session's transcript as one run reads it and writes to it. Writes are not waited for until somebody must know that they hold. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { NewEntry, sessions } from "@pincer/plugin-sdk/contracts/sessions";
import type { Message } from "@pincer/plugin-sdk/message";
import { distinctSources, newBoundary, type UntrustedSource } from "@pincer/plugin-sdk/untrusted";
import { type ContextCache, continued, type Place, type Reading } from "./context-cache.ts";
import { type ContextItem, contextItem } from "./context-window.ts";
import { isPutOff } from "./errors.ts";

/** How often a full store is tried again. */
const againMs = 1_000;

type Sessions = ImplementationOf<typeof sessions>;

export class Transcript {
  readonly #store: Sessions;
  readonly #cache: ContextCache;
  readonly #key: string;
  readonly #io: Io;
  readonly #own = new Map<string, ContextItem>();
  readonly #places: Place[] = [];
  #reading: Reading | undefined;
  #items: ContextItem[] | undefined;
  /** What the store has not taken, in order. */
  #unwritten: NewEntry[] = [];
  #writing: Promise<void> | undefined;
  #failure: unknown;

  constructor(store: Sessions, cache: ContextCache, key: string, io: Io) {
    this.#store = store;
    this.#cache = cache;
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
    this.#unwritten.push(entry);
    this.#write();
  }

  /** Resolves when everything is durable, also where the store is full or locked for a while; throws when something will not be. */
  async written(clock: Clock): Promise<void> {
    for (;;) {
      await this.#writing;
      if (!isPutOff(this.#failure)) return this.settled();
      await clock.sleep(againMs, this.#io.signal);
      this.#failure = undefined;
      this.#write();
    }
  }

  /** Goes on until all is written, or something is not: what comes behind that waits, or it would stand before it. */
  #write(): void {
    if (this.#failure !== undefined) return;
    this.#writing ??= this.#writeAll()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #writeAll(): Promise<void> {
    while (this.#unwritten.length > 0) {
      const given = this.#unwritten.slice();
      const { entries } = await this.#store.append({ key: this.#key, entries: given }, this.#io);
      this.#unwritten = this.#unwritten.slice(given.length);
      for (const { id, seq } of entries) {
        this.#places.push({ id, seq });
        const item = this.#own.get(id);
        if (item !== undefined) item.seq = seq;
      }
    }
  }

  /** Resolves when everything appended so far is durable; throws when something of it is not. */
  async settled(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * What the model sees: this run's own entries behind all others, also when a turn that died had written what this one answers, and another
   * has answered since. A fresh run does not wait for its first to arrive in the store; of a resumed one, a summary may stand for some.
   */
  async items(resumed: boolean): Promise<readonly ContextItem[]> {
    if (this.#items !== undefined) return this.#items;
    if (resumed) await this.settled();
    this.#reading = await this.#cache.read(this.#store, this.#key, this.#io);
    const others = this.#reading.items.filter(({ id }) => !this.#own.has(id));
    const own = resumed ? this.#reading.items.filter(({ id }) => this.#own.has(id)) : this.#own.values();
    this.#items = [...others, ...own];
    return this.#items;
  }

  /** What of it the owner did not write, as long as that stands in it. */
  async untrusted(resumed: boolean): Promise<readonly UntrustedSource[]> {
    return sourcesOf(await this.items(resumed));
  }

  /** Puts a summary in the place of what stands before `from`, an index of `items`. */
  async summarise(name: string, text: string, from: number, timestamp: number, id: (keptFrom: number) => string): Promise<void> {
    await this.settled();
    const kept = (this.#items ?? []).slice(from);
    const first = kept[0]?.seq;
    if (first === undefined) throw new Error(`the entry behind which the summary ${name} begins has not been written`);
    const sources = sourcesOf((this.#items ?? []).slice(0, from));
    const untrusted = sources.length === 0 ? {} : { untrusted: { boundary: newBoundary(), sources } };
    const message: Message = { role: "user", content: text, timestamp, ...untrusted };
    const entry: NewEntry = { id: id(first), kind: "summary", message };
    this.#unwritten.push(entry);
    this.#write();
    await this.settled();
    const summary = contextItem(entry.id, message, "summary", this.#places.findLast(({ id }) => id === entry.id)?.seq);
    // What was counted before the summary speaks of a conversation that is gone.
    this.#items = [summary, ...kept.map(({ counted: _, ...item }) => item)];
  }

  /** Leaves the conversation for the next run to go on with. Everything must be settled. */
  leave(): void {
    if (this.#reading === undefined || this.#items === undefined) return;
    const left = continued(this.#reading, this.#items, this.#places);
    if (left === undefined) this.#cache.forget(this.#key);
    else this.#cache.keep(this.#key, left);
  }
}

const sourcesOf = (items: readonly ContextItem[]): UntrustedSource[] =>
  distinctSources(items.flatMap(({ message }) => (message.role === "assistant" ? [] : (message.untrusted?.sources ?? []))));

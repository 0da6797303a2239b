/** IndexedDB as the crypto library uses it, over a file of SQLite: a transaction there is one here, on disk before it is said to be complete. */
import type { File, Found, IndexRow, StoreRow } from "./file.ts";
import { decodeKey, rangeOf, requireKey } from "./keys.ts";
import { decodeValue } from "./values.ts";

type Handler = ((event: object) => unknown) | null;
type Mode = "readonly" | "readwrite" | "versionchange";

/** By which a class is known to another generation of the plugin in the same process, whose globals these may be. */
const BRAND = Symbol.for("pincer.matrix.indexed-db");

const event = (type: string, target: object, more: object = {}) => ({ type, target, currentTarget: target, ...more });

export class Request {
  readonly [BRAND]: readonly string[];
  result: unknown = undefined;
  error: unknown = null;
  transaction: Transaction | null;
  readyState = "pending";
  onsuccess: Handler = null;
  onerror: Handler = null;
  onblocked: Handler = null;
  onupgradeneeded: Handler = null;

  constructor(transaction: Transaction | null, kinds: readonly string[] = ["IDBRequest"]) {
    this.transaction = transaction;
    this[BRAND] = kinds;
  }

  succeed(result: unknown): void {
    this.result = result;
    this.readyState = "done";
    this.onsuccess?.(event("success", this));
  }

  fail(error: unknown): void {
    this.result = undefined;
    this.error = error;
    this.readyState = "done";
    this.onerror?.(event("error", this));
  }
}

/** Until everything that waits for what was just said has had its turn, and may have asked for more. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export class Transaction {
  oncomplete: Handler = null;
  onerror: Handler = null;
  onabort: Handler = null;
  error: unknown = null;
  readonly #asked: { readonly request: Request; readonly run: () => unknown }[] = [];
  #state: "open" | "aborted" | "finished" = "open";

  constructor(
    readonly db: Db,
    readonly mode: Mode,
  ) {}

  objectStore(name: string): Store {
    const row = this.db.file.stores(this.db.name).find((store) => store.name === name);
    if (row === undefined) throw new DOMException(`there is no store ${name}`, "NotFoundError");
    return new Store(this, row);
  }

  ask(run: () => unknown, request = new Request(this)): Request {
    if (this.#state !== "open") throw new DOMException("the transaction is over", "TransactionInactiveError");
    this.#asked.push({ request, run });
    return request;
  }

  /** It commits by itself once nothing more is asked for. */
  commit(): void {}

  abort(): void {
    if (this.#state === "open") this.#state = "aborted";
  }

  /** Resolves once it is on disk, or taken back. `begun` runs inside it. */
  run(begun?: () => void): Promise<void> {
    return this.db.file.inTurn(async () => {
      const { file } = this.db;
      try {
        file.begin();
        try {
          begun?.();
          await this.#answer();
          if (this.#state === "aborted") throw this.error ?? new DOMException("the transaction was aborted", "AbortError");
          file.commit();
        } catch (error) {
          file.rollback();
          throw error;
        }
      } catch (error) {
        this.#state = "finished";
        this.error = error;
        for (const { request } of this.#asked.splice(0)) request.fail(error);
        this.onabort?.(event("abort", this));
        return;
      }
      this.#state = "finished";
      this.oncomplete?.(event("complete", this));
    });
  }

  async #answer(): Promise<void> {
    await turn();
    for (let next = this.#asked.shift(); next !== undefined && this.#state === "open"; next = this.#asked.shift()) {
      const { request, run } = next;
      let result: unknown;
      try {
        result = run();
      } catch (error) {
        request.fail(error);
        this.error = error;
        this.#state = "aborted";
        return;
      }
      request.succeed(result);
      await turn();
    }
  }
}

/** A store, or an index over one: what is read of both in the same way. */
class Source {
  constructor(
    readonly transaction: Transaction,
    protected readonly store: StoreRow,
    protected readonly over?: IndexRow,
  ) {}

  protected get file(): File {
    return this.transaction.db.file;
  }

  protected find = (query: unknown, most?: number, after?: Found): readonly Found[] =>
    this.file.find(this.store.id, this.over?.id, rangeOf(query), most, after);

  get name(): string {
    return this.over?.name ?? this.store.name;
  }

  get = (query: unknown): Request =>
    this.transaction.ask(() => {
      const [first] = this.find(query, 1);
      return first && decodeValue(first.value);
    });
  getAll = (query?: unknown, most?: number): Request =>
    this.transaction.ask(() => this.find(query, most || -1).map(({ value }) => decodeValue(value)));
  getAllKeys = (query?: unknown): Request => this.transaction.ask(() => this.find(query).map(({ key }) => decodeKey(key)));
  count = (query?: unknown): Request => this.transaction.ask(() => this.file.count(this.store.id, this.over?.id, rangeOf(query)));

  openCursor(query?: unknown): Request {
    const request = this.transaction.ask(() => step(undefined));
    const step = (after: Found | undefined): Cursor | null => {
      const [found] = this.find(query, 1, after);
      return found === undefined ? null : new Cursor(request, this.transaction, found, this.store, () => step(found));
    };
    return request;
  }
}

export class Store extends Source {
  put = (value: unknown, key: unknown): Request => this.#keep(value, key, true);
  add = (value: unknown, key: unknown): Request => this.#keep(value, key, false);
  delete = (query: unknown): Request => this.transaction.ask(() => this.file.delete(this.store.id, rangeOf(query)));
  clear = (): Request => this.delete(undefined);

  index(name: string): Source {
    const row = this.file.indexes(this.store.id).find((index) => index.name === name);
    if (row === undefined) throw new DOMException(`there is no index ${name}`, "NotFoundError");
    return new Source(this.transaction, this.store, row);
  }

  createIndex(name: string, path: IndexRow["path"], { unique = false }: { readonly unique?: boolean } = {}): Source {
    return new Source(this.transaction, this.store, this.file.createIndex(this.store.id, name, path, unique));
  }

  #keep(value: unknown, key: unknown, mayReplace: boolean): Request {
    // What was asked for later may change the value.
    const [kept, encoded] = [structuredClone(value), requireKey(key)];
    return this.transaction.ask(() => {
      this.file.put(this.store.id, encoded, kept, mayReplace);
      return key;
    });
  }
}

export class Cursor {
  readonly [BRAND] = ["IDBCursor", "IDBCursorWithValue"];

  constructor(
    readonly request: Request,
    private readonly transaction: Transaction,
    private readonly found: Found,
    private readonly store: StoreRow,
    private readonly step: () => Cursor | null,
  ) {}

  get key() {
    return decodeKey(this.found.at);
  }

  get primaryKey() {
    return decodeKey(this.found.key);
  }

  get value() {
    return decodeValue(this.found.value);
  }

  continue(): void {
    this.transaction.ask(this.step, this.request);
  }

  update = (value: unknown): Request => new Store(this.transaction, this.store).put(value, this.primaryKey);
  delete = (): Request => new Store(this.transaction, this.store).delete(this.primaryKey);
}

export class Db {
  readonly [BRAND] = ["IDBDatabase"];
  onversionchange: Handler = null;

  constructor(
    readonly file: File,
    readonly name: string,
    readonly version: number,
  ) {}

  get objectStoreNames() {
    const names = this.file.stores(this.name).map((store) => store.name);
    return { length: names.length, item: (index: number) => names[index] ?? null, contains: (name: string) => names.includes(name) };
  }

  createObjectStore(name: string): Store {
    if (this.upgrade === undefined) throw new DOMException("the database is not being upgraded", "InvalidStateError");
    return new Store(this.upgrade, this.file.createStore(this.name, name));
  }

  deleteObjectStore = (name: string): void => this.file.deleteStore(this.name, name);

  transaction(_names: string | readonly string[], mode: Mode = "readonly"): Transaction {
    const transaction = new Transaction(this, mode);
    void transaction.run();
    return transaction;
  }

  /** The file is closed by whoever opened it. */
  close(): void {}

  upgrade: Transaction | undefined;
}

/** `indexedDB`. `fileOf` says in which file a database is. */
export function createFactory(fileOf: (name: string) => File) {
  async function open(request: Request, name: string, wanted: number | undefined): Promise<void> {
    try {
      const file = fileOf(name);
      const before = await file.inTurn(async () => file.version(name));
      const version = wanted ?? Math.max(1, before);
      if (version < before) throw new DOMException(`version ${before} is there, ${version} was asked for`, "VersionError");
      const db = new Db(file, name, version);
      if (version > before) {
        const upgrade = new Transaction(db, "versionchange");
        db.upgrade = upgrade;
        request.transaction = upgrade;
        await upgrade.run(() => {
          file.setVersion(name, version);
          request.result = db;
          request.readyState = "done";
          request.onupgradeneeded?.(event("upgradeneeded", request, { oldVersion: before, newVersion: version }));
        });
        db.upgrade = undefined;
        request.transaction = null;
        if (upgrade.error !== null) throw upgrade.error;
      }
      request.succeed(db);
    } catch (error) {
      request.fail(error);
    }
  }

  return {
    open(name: string, version?: number): Request {
      const request = new Request(null, ["IDBRequest", "IDBOpenDBRequest"]);
      // What is to be told is only put on the request after this returns.
      setImmediate(() => void open(request, name, version));
      return request;
    },
  };
}

/** In place of a class: what says so is an instance, whichever generation made it. */
export const branded = (kind: string) => ({
  [Symbol.hasInstance]: (value: unknown): boolean =>
    ((value as { readonly [BRAND]?: readonly string[] } | null)?.[BRAND] ?? []).includes(kind),
});

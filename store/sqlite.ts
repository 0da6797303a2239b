/** The SQLite driver: reads on a connection of this thread, writes handed to the writer thread, which commits what waits as one group. */
import { Database } from "bun:sqlite";
import { closeSync, openSync, statSync } from "node:fs";
import type { GatewayError } from "@pincer/plugin-sdk/error";
import { type Failure, failureOf, storeError, storeErrors } from "./errors.ts";
import { createPrepared } from "./prepared.ts";
import type { Migration, Param, Row, Statement, Store } from "./store.ts";
import type { FromWriter, Group, Result, ToWriter, Write } from "./writer.ts";

/** `before-commit`: a group is about to be handed over. `after-commit`: it is durable, and nobody has been told yet. */
export const storePoints = ["before-commit", "after-commit"] as const;
type StorePoint = (typeof storePoints)[number];

export interface StoreOptions {
  readonly path: string;
  readonly migrations: readonly Migration[];
  /** How long another process's lock is waited for before `STORE_LOCKED`. Default 2,000. */
  readonly busyTimeoutMs?: number;
  /** After an unclean end, a store of at most this many bytes is looked through for damage before it is used. Default 64 MB. */
  readonly checkBytes?: number;
  /** Above so many, a connection forgets its prepared statements and begins anew. Default 256. */
  readonly statements?: number;
  /** Milliseconds added to every commit, to measure a slow disk. */
  readonly delayMs?: number;
  readonly probe?: (point: StorePoint) => void;
  /** Told once, when the writer thread has died: what waited was rejected, and every later write is. */
  readonly onFailure?: (error: GatewayError) => void;
  /** The writer thread's entry point. */
  readonly writer?: URL;
}

/** In the source tree the writer is `writer.ts`; a bundle has it beside this code as `writer.js`, an entry point of its own. */
const writerUrl = Bun.pathToFileURL(`${import.meta.dir}/writer.${import.meta.path.endsWith(".ts") ? "ts" : "js"}`);

interface Waiting {
  readonly statements: () => readonly Statement[];
  resolve(rows: Row[][]): void;
  reject(error: unknown): void;
}

/** Rejects with `STORE_TOO_NEW`, `STORE_CORRUPT`, `STORE_LOCKED`, `STORE_FULL` or `STORE_FAILED`; then nothing is left open. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { path, migrations, busyTimeoutMs = 2_000, checkBytes = 64 << 20, statements: limit = 256, delayMs = 0, probe } = options;
  const opening = Promise.withResolvers<Failure | undefined>();
  const closed = Promise.withResolvers<void>();
  let waiting: Waiting[] = [];
  let committing: Waiting[] = [];
  let armed = false;
  let opened = false;
  /** Why there are no writes any more. */
  let ended: GatewayError | undefined;
  let closing: Promise<void> | undefined;

  let check: boolean;
  try {
    check = sizeOf(`${path}-wal`) > 0 && sizeOf(path) <= checkBytes;
    closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    throw storeError(failureOf(error), path);
  }
  const worker = new Worker((options.writer ?? writerUrl).href, { smol: true });
  const post = (message: ToWriter) => worker.postMessage(message);

  const arm = () => {
    if (armed) return;
    armed = true;
    nextTask(send);
  };
  const send = () => {
    armed = false;
    if (committing.length > 0 || waiting.length === 0) return;
    committing = waiting;
    waiting = [];
    const places = new Map<string, number>();
    let bytes = false;
    const writes = committing.map(
      ({ statements }): Write =>
        statements().map(([sql, ...params]) => {
          bytes ||= params.some((param) => param instanceof Uint8Array);
          return [places.getOrInsertComputed(sql, () => places.size), params];
        }),
    );
    const group: Group = { texts: [...places.keys()], writes };
    probe?.("before-commit");
    post(bytes ? group : JSON.stringify(group));
  };

  const settle = (results: readonly Result[]) => {
    probe?.("after-commit");
    const done = committing;
    committing = [];
    for (const [index, { resolve, reject }] of done.entries()) {
      const result = results[index] as Result;
      if (Array.isArray(result)) resolve(result);
      else reject(storeError(result, path));
    }
    // What continues on this commit runs before the next group is sent, so that its next writes join that group.
    arm();
  };

  const died = (message: string) => {
    opening.resolve({ code: "WRITER_DIED", message });
    closed.resolve();
    if (ended || !opened) return;
    const doubt = "what it was committing may or may not be kept; restart the gateway";
    ended = storeErrors.STORE_FAILED(`the writer thread of ${path} ended: ${message}; ${doubt}`);
    const pending = [...committing, ...waiting];
    committing = waiting = [];
    for (const { reject } of pending) reject(ended);
    options.onFailure?.(ended);
  };
  worker.onerror = (event) => died(event.message);
  worker.addEventListener("close", () => died("it stopped"));
  const receive = (data: FromWriter) => {
    if (data === "closed") closed.resolve();
    else if (typeof data === "string") settle(JSON.parse(data));
    else if (Array.isArray(data)) settle(data);
    else opening.resolve(data.opened);
  };
  worker.onmessage = ({ data }: MessageEvent<FromWriter>) => nextTask(() => receive(data));

  post({ open: { path, migrations, busyTimeoutMs, check, statements: limit, delayMs } });
  const failure = await opening.promise;
  if (failure) {
    worker.terminate();
    throw storeError(failure, path);
  }
  opened = true;

  const reader = new Database(path, { readonly: true });
  reader.exec(`pragma busy_timeout=${busyTimeoutMs}`);
  const queries = createPrepared(reader, limit);

  const write = (statements: () => readonly Statement[]) =>
    new Promise<Row[][]>((resolve, reject) => {
      if (ended) return reject(ended);
      waiting.push({ statements, resolve, reject });
      if (committing.length === 0) arm();
    });

  const close = async () => {
    const last = write(() => []);
    ended ??= storeErrors.STORE_FAILED(`${path} is closed`);
    await last.catch(() => {}); // silent-ok: a writer that died has nothing left to wait for, and was reported
    // A connection with statements left would stay open behind its close, and leave the log to be merged by the next start.
    queries.forget();
    reader.close();
    post("close");
    await closed.promise;
    worker.terminate();
  };

  return {
    write: (...statements) => write(() => statements),
    writeLate: write,
    async read<T>(sql: string, ...params: Param[]) {
      if (closing) throw ended;
      try {
        return queries.all(sql, params) as T[];
      } catch (error) {
        throw storeError(failureOf(error), path);
      }
    },
    failure: () => ended?.message,
    close: () => (closing ??= close()),
  };
}

/**
 * Runs a task of its own after this one. What continued within the worker's own event and ran the event loop again, as a test runner's
 * `rejects` does, would get no further event of that worker; and an immediate can be left waiting there for most of a second.
 */
function nextTask(run: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    run();
  };
  port2.postMessage(undefined);
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

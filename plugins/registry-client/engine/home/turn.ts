/** One installation at a time in a home, whichever process is at it. */
import { Database } from "bun:sqlite";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { isObject } from "@pincer/plugin-sdk/json5";
import { clientErrors } from "../../errors.ts";
import { readText, replaceFile } from "./layout.ts";

/** A connection that nothing refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<Database>();

const pauseMs = 100;
/** What whoever has the turn does meanwhile is bounded by the gateway: everything is fetched before. */
const patienceMs = 120_000;

export interface TurnOptions {
  readonly clock: Clock;
  /** For people, who may wait for it. */
  readonly what: string;
  /** Told once whom it waits for. */
  readonly onWait: (whom: string) => void;
  readonly signal: AbortSignal;
}

/** SQLite's exclusive lock, which the system releases however the process ends. Throws `REGISTRY_CLIENT_BUSY` after a while, with who has it. */
export async function takeTurn(home: string, { clock, what, onWait, signal }: TurnOptions): Promise<Disposable> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const since = clock.monotonic();
  let whom: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    const turn = turnNow(home, what, clock.now());
    if (turn) return turn;
    if (whom === undefined) {
      whom = holderIn(home);
      onWait(whom);
    }
    if (clock.monotonic() - since >= patienceMs)
      throw clientErrors.REGISTRY_CLIENT_BUSY(`${whom} is under way in ${home}: try again when that is done`);
    await clock.sleep(pauseMs, signal);
  }
}

interface Holder {
  readonly what: string;
  readonly pid: number;
  readonly since: string;
}

const holderFile = (home: string): string => join(home, "install.lock.json");

/** At once, or not at all: for what can wait until it is looked at again. `now`: epoch milliseconds. */
export const turnNow = (home: string, what: string, now: number): Disposable | undefined =>
  taken(home, { what, pid: process.pid, since: new Date(now).toISOString() });

function taken(home: string, holder: Holder): Disposable | undefined {
  const file = join(home, "install.lock");
  const db = new Database(file, { create: true });
  try {
    db.exec("pragma busy_timeout=0; begin exclusive");
  } catch (error) {
    db.close();
    if ((error as { readonly code?: unknown }).code !== "SQLITE_BUSY") throw error;
    return undefined;
  }
  chmodSync(file, 0o600);
  held.add(db);
  replaceFile(holderFile(home), JSON.stringify(holder));
  return {
    [Symbol.dispose]() {
      rmSync(holderFile(home), { force: true });
      held.delete(db);
      db.close();
    },
  };
}

/** As it says of itself; it may be over by now. */
function holderIn(home: string): string {
  let said: unknown;
  try {
    said = JSON.parse(readText(holderFile(home)) ?? "null");
  } catch {
    // silent-ok: said or not, it is somebody
  }
  const { what, pid, since } = isObject(said) ? said : {};
  return typeof what === "string" ? `"pincer ${what}" (process ${pid}, since ${since})` : "something else";
}

/** What was used, what is held for calls that run, and what both come to for each limit: in memory, so that a call waits for no store. */
import type { Spent } from "@pincer/plugin-sdk/contracts/budgets";
import { type Limit, type Place, periodIn, periodOf } from "./limits.ts";
import { PARTS, type Whose } from "./whose.ts";

/** What one caller used of one model in a day, a session or a turn. */
export interface Row extends Spent {
  readonly kind: "day" | "session" | "turn";
  /** The date, the session's key, or the run. */
  readonly of: string;
  readonly whose: Whose;
  readonly at: number;
}

/** A call that runs, and what it is expected to use. */
export interface OpenCall {
  readonly id: string;
  readonly whose: Whose;
  readonly place: Place;
  readonly usd: number;
  readonly tokens: number;
  readonly isPriced: boolean;
  readonly at: number;
}

export interface Counter {
  usd: number;
  tokens: number;
  heldUsd: number;
  heldTokens: number;
}

/** The level of what was told of a limit. */
export type Level = "soft" | "used-up";
export interface Told {
  readonly limit: string;
  /** The limit's `mark`: another one of the same name is told of anew. */
  readonly mark: string;
  readonly key: string;
  readonly level: Level;
  readonly at: number;
}

export const nothing: Spent = { usd: 0, tokens: 0, calls: 0, unpricedTokens: 0 };
export const add = (a: Spent, b: Spent): Spent => ({
  usd: a.usd + b.usd,
  tokens: a.tokens + b.tokens,
  calls: a.calls + b.calls,
  unpricedTokens: a.unpricedTokens + b.unpricedTokens,
});

/** Half a surrogate pair, which a client may send, is no character. */
const part = (text: string): string => encodeURIComponent(text.toWellFormed());
const rowKey = ({ kind, of, whose }: Pick<Row, "kind" | "of" | "whose">): string =>
  [kind, part(of), ...PARTS.map((name) => part(whose[name])), ...(whose.meant ?? []).map(part)].join("/");
const openKey = (id: string): string => `open/${id}`;
const toldKey = ({ limit, key }: Pick<Told, "limit" | "key">): string => `told/${limit}/${part(key)}`;

const DAY_MS = 86_400_000;
/** This month and the one before it. */
const KEPT_DAYS = 62;
const SESSION_IDLE_MS = 30 * DAY_MS;
/** A program may begin a session with each call. */
const MOST_SESSION_ROWS = 20_000;
const TURN_IDLE_MS = 2 * 3_600_000;
/** What is added and taken away again is not always nothing. */
export const DUST = 1e-9;
/** Of a limit that each has, in its time; whoever makes names up could fill a conversation with warnings. */
const MOST_TOLD = 20;

export class Book {
  readonly #rows = new Map<string, Row>();
  readonly #open = new Map<string, OpenCall>();
  readonly #told = new Map<string, Told>();
  readonly #counters = new Map<string, Map<string, Counter>>();
  #limits: readonly Limit[] = [];
  #date = "";

  /** `keep` is told of each key whose value is to be durable; undefined: it is no more. */
  constructor(private readonly keep: (key: string, value: () => unknown) => void) {}

  get limits(): readonly Limit[] {
    return this.#limits;
  }
  get open(): readonly OpenCall[] {
    return [...this.#open.values()];
  }
  get told(): readonly Told[] {
    return [...this.#told.values()];
  }

  /** As the store has it. Calls that nobody will tell the end of any more have used what was expected of them. */
  load(rows: ReadonlyMap<string, Row>, told: readonly Told[], open: readonly OpenCall[], isOver: boolean): void {
    this.#rows.clear();
    this.#told.clear();
    this.#open.clear();
    for (const [key, row] of rows) this.#rows.set(key, row);
    for (const one of told) this.#told.set(toldKey(one), one);
    for (const call of open) this.#open.set(call.id, call);
    if (isOver) for (const call of open) this.#assume(call);
    this.#recount();
  }

  /** The limits that hold from now on, and the day it is. */
  use(limits: readonly Limit[], date: string): void {
    if (limits === this.#limits && date === this.#date) return;
    this.#limits = limits;
    this.#date = date;
    this.#recount();
  }

  counter(limit: Limit, key: string): Counter {
    const counters = this.#counters.getOrInsertComputed(limit.name, () => new Map());
    return counters.getOrInsertComputed(key, () => ({ usd: 0, tokens: 0, heldUsd: 0, heldTokens: 0 }));
  }
  /** What has come together of a limit in the time that is now, by key. */
  counters(limit: Limit): ReadonlyMap<string, Counter> {
    return this.#counters.get(limit.name) ?? new Map();
  }

  hold(call: OpenCall): void {
    this.#open.set(call.id, call);
    this.#addHeld(call, 1);
    this.keep(openKey(call.id), () => this.#open.get(call.id));
  }

  /** The call's end: what was held for it goes, what it used stays. */
  settle(call: OpenCall, spent: Spent, at: number): void {
    this.#close(call);
    if (spent.tokens > 0 || spent.usd > 0) this.#spend(call, spent, at);
  }
  find(id: string): OpenCall | undefined {
    return this.#open.get(id);
  }

  /** Of calls that began so long ago nobody will tell the end; nor of those of a time that the clock was set back from. */
  expire(now: number, heldMs: number): readonly OpenCall[] {
    const late = this.open.filter(({ at }) => Math.abs(now - at) > heldMs);
    for (const call of late) this.#assume(call);
    return late;
  }

  /** Whether this was not told before, in the time that the key is of. */
  tell(told: Told): boolean {
    const known = this.#told.get(toldKey(told));
    if (known?.mark === told.mark && (known.level === told.level || known.level === "used-up")) return false;
    if (known === undefined && this.#toldOf(told) >= MOST_TOLD) return false;
    this.#told.set(toldKey(told), told);
    this.keep(toldKey(told), () => this.#told.get(toldKey(told)));
    return true;
  }
  #toldOf({ limit, mark, key }: Told): number {
    const period = periodIn(key);
    return this.told.filter((one) => one.limit === limit && one.mark === mark && periodIn(one.key) === period).length;
  }
  /** The session has begun anew. */
  forgetSession(session: string): void {
    for (const [key, row] of this.#rows) if (row.kind === "session" && row.of === session) this.#drop(this.#rows, key);
    const perSession = new Set(this.#limits.filter(({ per }) => per === "session").map(({ name }) => name));
    for (const [key, told] of this.#told) {
      if (perSession.has(told.limit) && periodIn(told.key) === session) this.#drop(this.#told, key);
    }
    this.#recount();
  }

  /** What nobody asks for any more goes. `oldest`: the first day that is kept. */
  sweep(now: number, dateOf: (at: number) => string): void {
    const oldest = dateOf(now - KEPT_DAYS * DAY_MS);
    for (const [key, { kind, of, at }] of this.#rows) {
      const isOld = kind === "day" ? of < oldest : now - at > (kind === "session" ? SESSION_IDLE_MS : TURN_IDLE_MS);
      if (isOld) this.#drop(this.#rows, key);
    }
    const sessions = [...this.#rows].filter(([, { kind }]) => kind === "session").sort(([, a], [, b]) => b.at - a.at);
    for (const [key] of sessions.slice(MOST_SESSION_ROWS)) this.#drop(this.#rows, key);
    const perTurn = new Set(this.#limits.filter(({ per }) => per === "turn").map(({ name }) => name));
    for (const [key, { limit, at }] of this.#told) {
      if (now - at > (perTurn.has(limit) ? TURN_IDLE_MS : KEPT_DAYS * DAY_MS)) this.#drop(this.#told, key);
    }
    this.#recount();
  }

  sum(kind: Row["kind"], isWanted: (of: string) => boolean): Spent {
    let sum = nothing;
    for (const row of this.#rows.values()) if (row.kind === kind && isWanted(row.of)) sum = add(sum, row);
    return sum;
  }

  #spend({ whose, place }: OpenCall, spent: Spent, at: number): void {
    const isPerTurn = this.#limits.some(({ per }) => per === "turn");
    for (const [kind, of] of [
      ["day", place.date],
      ["session", place.session],
      ["turn", isPerTurn ? place.run : ""],
    ] as const) {
      if (of === "") continue;
      const key = rowKey({ kind, of, whose });
      const before = this.#rows.get(key) ?? nothing;
      this.#rows.set(key, { kind, of, whose, ...add(before, spent), at });
      this.keep(key, () => this.#rows.get(key));
    }
    for (const limit of this.#limits) {
      const counter = this.#counterOf(limit, whose, place);
      if (!counter) continue;
      counter.usd += spent.usd;
      counter.tokens += spent.tokens;
    }
  }

  #close(call: OpenCall): void {
    if (!this.#open.delete(call.id)) return;
    this.#addHeld(call, -1);
    this.keep(openKey(call.id), () => this.#open.get(call.id));
  }

  #assume(call: OpenCall): void {
    const { usd, tokens, isPriced, at } = call;
    this.settle(call, { usd, tokens, calls: 1, unpricedTokens: isPriced ? 0 : tokens }, at);
  }

  #addHeld({ whose, place, usd, tokens }: OpenCall, sign: 1 | -1): void {
    for (const limit of this.#limits) {
      const key = limit.counts(whose) ? limit.keyOf(whose, place) : undefined;
      if (key === undefined) continue;
      const counter = this.counter(limit, key);
      counter.heldUsd = Math.max(0, counter.heldUsd + sign * usd);
      counter.heldTokens = Math.max(0, counter.heldTokens + sign * tokens);
      // A name that came to nothing is not kept.
      const { heldUsd, heldTokens } = counter;
      if (counter.usd === 0 && counter.tokens === 0 && heldUsd < DUST && heldTokens === 0) this.#counters.get(limit.name)?.delete(key);
    }
  }

  #counterOf(limit: Limit, whose: Whose, place: Place): Counter | undefined {
    const key = limit.counts(whose) ? limit.keyOf(whose, place) : undefined;
    return key === undefined ? undefined : this.counter(limit, key);
  }

  #recount(): void {
    this.#counters.clear();
    const kinds = { day: "day", month: "day", session: "session", turn: "turn" } as const;
    for (const limit of this.#limits) {
      const now =
        limit.per === "day" || limit.per === "month" ? periodOf(limit.per, { date: this.#date, session: "", run: "" }) : undefined;
      for (const { kind, of, whose, usd, tokens } of this.#rows.values()) {
        if (kind !== kinds[limit.per]) continue;
        const place = { date: of, session: of, run: of };
        if (now !== undefined && periodOf(limit.per, place) !== now) continue;
        const counter = this.#counterOf(limit, whose, place);
        if (!counter) continue;
        counter.usd += usd;
        counter.tokens += tokens;
      }
    }
    for (const call of this.#open.values()) this.#addHeld(call, 1);
  }

  #drop(map: Map<string, Row> | Map<string, Told>, key: string): void {
    map.delete(key);
    this.keep(key, () => undefined);
  }
}

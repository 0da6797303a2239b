/**
 * The rules of failover once more, as a person would check them by hand: everything that has happened is written in a log, and each
 * question is answered by reading it from its beginning. It shares no code with the plugin, and is slow.
 */
import type { FailureClass } from "@pincer/plugin-sdk/contracts/provider";

export interface Place {
  readonly profile: string;
  readonly model: string;
  readonly continues: boolean;
}

interface Rules {
  readonly pauseMs: number;
  readonly jitter: number;
  readonly firstRestMs: number;
  readonly longestRestMs: number;
  /** The longest rest that a vendor's own word makes. */
  readonly longestSaidMs: number;
}

export interface Failure {
  readonly class: FailureClass;
  /** 403: of that model, and not of the key. */
  readonly status?: number;
  readonly retryAfterMs?: number;
}

export type Said =
  | { readonly do: "ask"; readonly place: Place }
  | { readonly do: "look-up"; readonly fallback: number }
  | { readonly do: "give-up" };
export type Then = { readonly goes: "on" } | { readonly goes: "wait"; readonly ms: number } | { readonly goes: "stop" };

type Entry = { readonly at: number; readonly place: Omit<Place, "continues"> } & (
  | { readonly what: "asked" | "probed"; readonly asking: number }
  | { readonly what: "answered" | "left" | "taken"; readonly asking: number }
  | { readonly what: "failed" | "refused"; readonly asking: number; readonly failure: Failure }
  | { readonly what: "changed" }
  | { readonly what: "waits" | "waited"; readonly who: number }
);

const OFF: readonly FailureClass[] = ["auth", "billing"];
const AGAIN: readonly FailureClass[] = ["network", "overloaded", "timeout"];
const FINAL: readonly FailureClass[] = ["context-overflow", "bad-request", "refusal", "image"];
const MEANT: Readonly<Record<string, readonly FailureClass[]>> = {
  "rate-limit": ["rate-limit"],
  auth: ["auth", "billing"],
  "on-error": ["network", "overloaded", "timeout", "unknown"],
  "context-overflow": ["context-overflow"],
};
const isMeant = (on: readonly string[], seen: readonly FailureClass[]): boolean =>
  seen.some((failure) => on.some((trigger) => trigger === "always" || MEANT[trigger]?.includes(failure)));

interface Standing {
  /** Until when it rests, and since which entry; absent when it never had to, or has answered since. */
  readonly rest: { readonly until: number; readonly since: number; readonly class: FailureClass } | undefined;
  readonly isOff: FailureClass | undefined;
  /** After a rest: somebody tries it just now, or a probe found that it is taken. */
  readonly trying: boolean;
  readonly taken: boolean;
  /** A probe may be sent now: one for each rest, when nobody else tries it. */
  readonly mayProbe: boolean;
}

export class Book {
  readonly #log: Entry[] = [];
  readonly #places: Omit<Place, "continues">[] = [];
  readonly #rules: Rules;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  write(entry: Entry): void {
    this.#log.push(entry);
  }

  ask(place: Place, at: number, what: "asked" | "probed"): number {
    const asking = this.#places.push(place) - 1;
    this.#log.push({ what, at, place, asking });
    return asking;
  }

  placeOf(asking: number): Omit<Place, "continues"> {
    return this.#places[asking] as Place;
  }

  /** Read from the first entry to the last. */
  standing(place: Omit<Place, "continues">, at: number): Standing {
    let rest: Standing["rest"];
    let strikes = 0;
    let since = -1;
    let off: FailureClass | undefined;
    let trial: number | undefined;
    let taken = false;
    let probed = false;
    const begun = new Map<number, number>();
    this.#log.forEach((entry, line) => {
      if (entry.place.profile !== place.profile) return;
      const isHere = entry.place.model === place.model;
      if (entry.what === "changed") {
        off = undefined;
        // What was under way then counts for nothing any more.
        begun.clear();
        [rest, strikes, trial, taken, probed] = [undefined, 0, undefined, false, false];
        return;
      }
      if (!("asking" in entry)) return;
      if (entry.what === "asked" || entry.what === "probed") {
        begun.set(entry.asking, line);
        if (isHere && entry.what === "probed") probed = true;
        const isOver = rest !== undefined && rest.until <= entry.at && !taken;
        if (isHere && off === undefined && ((isOver && trial === undefined) || entry.what === "probed")) trial = entry.asking;
        return;
      }
      const from = begun.get(entry.asking);
      if (from === undefined) return;
      if (entry.what === "left") begun.delete(entry.asking);
      if (isHere && trial === entry.asking) trial = undefined;
      if (entry.what === "taken" && isHere) taken = true;
      if (entry.what === "answered" && isHere && from > since) [rest, strikes] = [undefined, 0];
      if (entry.what !== "failed" && entry.what !== "refused") return;
      const { failure } = entry;
      const isForbidden = failure.status === 403;
      if (isForbidden && entry.what === "refused") return;
      if (OFF.includes(failure.class) && !isForbidden) off ??= failure.class;
      else if (isHere && (failure.class === "rate-limit" || isForbidden || entry.what === "refused")) {
        const isNews = from > since || rest === undefined;
        if (isNews) {
          strikes += 1;
          since = line;
          taken = false;
          probed = false;
        }
        const growing = Math.min(this.#rules.firstRestMs * 2 ** (strikes - 1), this.#rules.longestRestMs);
        const saidMs = failure.retryAfterMs === undefined ? undefined : Math.min(failure.retryAfterMs, this.#rules.longestSaidMs);
        const ownMs = entry.what === "refused" ? Math.max(saidMs ?? 0, isNews ? growing : growing * 2) : saidMs;
        const ms = ownMs ?? (isNews ? growing : 0);
        const until = entry.at + ms;
        if (isNews || (ownMs !== undefined && until > (rest?.until ?? 0))) rest = { until, since: line, class: failure.class };
      }
    });
    const isOver = rest !== undefined && rest.until <= at;
    const trying = isOver && trial !== undefined;
    return { rest, isOff: off, trying, taken, mayProbe: isOver && off === undefined && trial === undefined && !probed };
  }

  why(place: Place, at: number): FailureClass | undefined {
    const { isOff, rest } = this.standing(place, at);
    return isOff ?? (rest !== undefined && rest.until > at ? rest.class : undefined);
  }

  /** Whom of all requests the others let repeat theirs there. */
  waiting(place: Place): number | undefined {
    const turns = this.#log.filter((entry) => entry.place.profile === place.profile && entry.place.model === place.model);
    let who: number | undefined;
    for (const entry of turns) {
      if (entry.what === "waits") who ??= entry.who;
      if (entry.what === "waited" && entry.who === who) who = undefined;
    }
    return who;
  }

  get rules(): Rules {
    return this.#rules;
  }
}

/** One request's way, by the rules. */
export class Way {
  #left: Place[];
  #last: Place[] = [];
  #fallbacks: { readonly on: readonly string[]; readonly number: number }[];
  #here: Place | undefined;
  #isAgain = false;
  #repeats: Place | undefined;
  readonly #seen: FailureClass[] = [];
  isBegun = false;

  constructor(
    private readonly book: Book,
    private readonly who: number,
    places: readonly Place[],
    fallbacks: readonly (readonly string[])[],
    private readonly chance: () => number,
  ) {
    this.#left = [...places];
    this.#fallbacks = fallbacks.map((on, number) => ({ on, number }));
  }

  next(at: number): Said {
    const here = this.#here;
    if (this.#isAgain && here) {
      const why = this.book.why(here, at);
      if (why === undefined && this.#mayServe(here)) {
        this.#isAgain = false;
        return { do: "ask", place: here };
      }
      if (why !== undefined) this.#seen.push(why);
    }
    this.#isAgain = false;
    this.#giveWay(at);
    this.#here = undefined;
    while (this.#left.length > 0) {
      const place = this.#left.shift() as Place;
      const why = this.book.why(place, at);
      if (why !== undefined) this.#seen.push(why);
      else if (!this.#mayServe(place)) continue;
      else if (this.book.standing(place, at).trying && !this.book.standing(place, at).taken) this.#last.push(place);
      else return this.#askAt(place);
    }
    while (this.#fallbacks.length > 0) {
      const { on, number } = this.#fallbacks.shift() as { on: readonly string[]; number: number };
      if (isMeant(on, this.#seen)) return { do: "look-up", fallback: number };
    }
    while (this.#last.length > 0) {
      const place = this.#last.shift() as Place;
      const why = this.book.why(place, at);
      if (why !== undefined) this.#seen.push(why);
      else if (this.#mayServe(place)) return this.#askAt(place);
    }
    return { do: "give-up" };
  }

  found(places: readonly Place[]): void {
    this.#left.push(...places);
  }

  answered(at: number): void {
    this.#giveWay(at);
  }

  failed(place: Place, failure: Failure, at: number): Then {
    this.#seen.push(failure.class);
    if (FINAL.includes(failure.class)) {
      this.#giveWay(at);
      if (!this.#fallbacks.some(({ on }) => isMeant(on, [failure.class]))) return { goes: "stop" };
      this.#left = [];
      this.#last = [];
      return { goes: "on" };
    }
    const wasRepeated = this.#repeats === place;
    if (!AGAIN.includes(failure.class) || wasRepeated || !this.#mayServe(place)) {
      this.#giveWay(at);
      return { goes: "on" };
    }
    const other = this.book.waiting(place);
    const isMine = other === undefined || other === this.who;
    if (!isMine && this.#hasOther(at)) return { goes: "on" };
    if (isMine) this.book.write({ what: "waits", at, place, who: this.who });
    this.#repeats = place;
    this.#isAgain = true;
    const { pauseMs, jitter } = this.book.rules;
    return { goes: "wait", ms: Math.round(pauseMs * (1 - jitter * this.chance())) };
  }

  over(at: number): void {
    this.#giveWay(at);
  }

  #askAt(place: Place): Said {
    this.#here = place;
    this.#repeats = undefined;
    return { do: "ask", place };
  }

  #mayServe = (place: Place): boolean => !this.isBegun || place.continues;

  #hasOther(at: number): boolean {
    const isOpen = (place: Place) => this.book.why(place, at) === undefined && this.#mayServe(place);
    return this.#left.some(isOpen) || this.#last.some(isOpen) || this.#fallbacks.some(({ on }) => isMeant(on, this.#seen));
  }

  /** Others may repeat theirs there now. */
  #giveWay(at: number): void {
    const place = this.#here;
    if (place && this.book.waiting(place) === this.who) this.book.write({ what: "waited", at, place, who: this.who });
  }
}

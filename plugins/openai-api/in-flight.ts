/** How many calls run at once, or answers are read, of each principal and of all: nobody takes the gateway's ways out, or its memory, from everybody else. */
import type { ApiConfig } from "./config.ts";
import { tooMany } from "./failure.ts";

const comeAgain = { "retry-after": "1", "retry-after-ms": "1000" };

/** Disposing it gives the place back, unless somebody keeps it. */
export interface Place extends Disposable {
  /** More calls of the same request. Throws as `take` does, and then holds what it held. */
  add(count: number): void;
  /** The caller's from now on, who calls this once when its work has ended, however it ends. */
  keep(): () => void;
}

interface Bounds {
  readonly config: Pick<ApiConfig, "mostCalls" | "mostCallsOfAll">;
}

export class InFlight {
  readonly #ctx: Bounds;
  readonly #what: "calls" | "readers";
  readonly #of = new Map<string, number>();
  #all = 0;

  constructor(ctx: Bounds, what: "calls" | "readers") {
    this.#ctx = ctx;
    this.#what = what;
  }

  /** Throws an `ApiFailure` of 429 where no place is left. */
  take(principal: string): Place {
    this.#admit(principal, 1);
    return this.#placeOf(principal);
  }

  /** For what was admitted before, as work that goes on after a restart: it is counted, and never refused. */
  takeAnyway(principal: string): Place {
    this.#count(principal, 1);
    return this.#placeOf(principal);
  }

  #placeOf(principal: string): Place {
    let held = 1;
    const leave = () => {
      this.#count(principal, -held);
      held = 0;
    };
    let isKept = false;
    return {
      add: (count) => {
        this.#admit(principal, count);
        held += count;
      },
      keep: () => {
        isKept = true;
        return leave;
      },
      [Symbol.dispose]: () => {
        if (!isKept) leave();
      },
    };
  }

  #admit(principal: string, count: number): void {
    const { mostCalls, mostCallsOfAll } = this.#ctx.config;
    const running = this.#of.get(principal) ?? 0;
    const what = this.#what;
    const busy = (why: string) => tooMany(`Too many ${what} at once: ${why} may at once.`, comeAgain);
    if (running + count > mostCalls) throw busy(`${running} ${what} of yours are running, and ${mostCalls}`);
    if (this.#all + count > mostCallsOfAll) throw busy(`${this.#all} ${what} are running, and ${mostCallsOfAll}`);
    this.#count(principal, count);
  }

  #count(principal: string, by: number): void {
    const running = (this.#of.get(principal) ?? 0) + by;
    if (running === 0) this.#of.delete(principal);
    else this.#of.set(principal, running);
    this.#all += by;
  }
}

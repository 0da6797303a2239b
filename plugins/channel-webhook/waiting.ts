/** Callers that wait for the answer to what they posted: it is given to them, in place of being posted. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { Posting } from "./posting.ts";

interface Waiter extends Disposable {
  /** Resolves with the answer, or with undefined when the time is over or the caller has gone. */
  readonly answer: Promise<Posting | undefined>;
  /** What it was given so far: nobody else gets it any more. */
  readonly given: Posting | undefined;
}

const keyOf = ({ account, conversation, thread }: Address, messageId: string): string =>
  JSON.stringify([account, conversation, thread ?? "", messageId]);

export class Waiting {
  readonly #waiters = new Map<string, (posting: Posting) => void>();

  wait(clock: Clock, address: Address, messageId: string, ms: number, gone: AbortSignal): Waiter {
    const key = keyOf(address, messageId);
    const { promise: answer, resolve } = Promise.withResolvers<Posting | undefined>();
    const linked = linkSignals(gone);
    const leave = () => {
      if (this.#waiters.get(key) === take) this.#waiters.delete(key);
      resolve(undefined);
    };
    let given: Posting | undefined;
    const take = (posting: Posting) => {
      this.#waiters.delete(key);
      given = posting;
      resolve(posting);
    };
    // Who brings an event again takes no answer from who still waits for it.
    if (!this.#waiters.has(key)) this.#waiters.set(key, take);
    linked.signal.addEventListener("abort", leave, { once: true });
    if (gone.aborted) leave();
    const timer = clock.after(ms, leave);
    return {
      answer,
      get given() {
        return given;
      },
      [Symbol.dispose]() {
        timer[Symbol.dispose]();
        linked[Symbol.dispose]();
        leave();
      },
    };
  }

  /** Whether somebody waited for it, and has it now. */
  give(address: Address, messageId: string | undefined, posting: Posting): boolean {
    const take = messageId === undefined ? undefined : this.#waiters.get(keyOf(address, messageId));
    take?.(posting);
    return take !== undefined;
  }
}

/** What one side has asked of the other. One answer is awaited, behind an abort too, since "stopped" is to mean stopped over there. */
import type { Clock } from "../clock.ts";
import { isGatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { creditFor, kinds } from "./frame-kinds.ts";
import { codedOf } from "./thrown.ts";

/** The peer, as what was asked through it sees it. */
export interface Asking {
  readonly clock: Clock;
  readonly abortMs: number;
  /** Throws when none of the values can be sent; the first that can is. */
  send(kind: number, id: number, ...values: readonly unknown[]): number;
  /** No answer is awaited any more. */
  settled(asked: Asked): void;
}

export abstract class Asked {
  /** Given when it is sent, so that ids grow in the order of the frames; 0 while it waits for that. */
  id = 0;
  #late: Disposable | undefined;

  constructor(
    protected readonly peer: Asking,
    readonly target: string,
    readonly signal: AbortSignal,
  ) {}

  protected abstract onReturn(value: unknown): void;
  protected abstract onThrow(error: unknown): void;

  opened(id: number): void {
    this.id = id;
    this.listen();
  }

  /** An abort is heard from now on. */
  listen(): void {
    this.signal.addEventListener("abort", this); // not "once", which costs a call 0.4 us: it is removed with the answer
  }

  returned(value: unknown): void {
    this.close();
    this.onReturn(value);
  }

  /** What is no answer on purpose counts, behind an abort, as what the abort was for. */
  threw(error: unknown): void {
    this.close();
    this.onThrow(this.signal.aborted && !isGatewayError(error) ? this.signal.reason : error);
  }

  /** The far end threw its signal's reason; throws when nobody had aborted it. */
  aborted(): void {
    if (!this.#late)
      throw pluginErrors.PLUGIN_PROTOCOL(`expected an answer of ${this.target}, came that of an abort which nobody asked for`);
    this.threw(this.signal.reason);
  }

  /** The signal aborts. */
  handleEvent(): void {
    if (this.id === 0) return void this.threw(this.signal.reason); // the other side has not heard of it
    const coded = codedOf(this.signal.reason);
    this.ask(kinds.abort, coded, { ...coded, data: undefined }, undefined);
  }

  /** Asks to end: from now on the answer is awaited for a while only. */
  protected ask(kind: number, ...values: readonly unknown[]): void {
    const { clock, abortMs } = this.peer;
    this.#late ??= clock.after(abortMs, () => {
      this.threw(pluginErrors.PLUGIN_STALLED(`${this.target} was aborted and did not answer in ${abortMs} ms: what it did is unknown`));
    });
    this.peer.send(kind, this.id, ...values);
  }

  close(): void {
    this.#late?.[Symbol.dispose]();
    this.signal.removeEventListener("abort", this);
    this.peer.settled(this);
  }
}

export class AskedCall extends Asked {
  constructor(
    peer: Asking,
    target: string,
    signal: AbortSignal,
    protected readonly onReturn: (value: unknown) => void,
    protected readonly onThrow: (error: unknown) => void,
  ) {
    super(peer, target, signal);
  }
}

interface Item {
  readonly value: unknown;
  readonly credit: number;
}

/** A stream of the other side that is read here. Its writer may go on as far as it has credit, which is given back for what was taken. */
export class Reading extends Asked {
  readonly #items: Item[] = [];
  #taken = 0;
  #isLeft = false;
  #outcome: { readonly value?: unknown; readonly thrown?: { readonly error: unknown } } | undefined;
  #wake: (() => void) | undefined;
  #credit: number;

  constructor(
    peer: Asking,
    target: string,
    signal: AbortSignal,
    readonly window: number,
  ) {
    super(peer, target, signal);
    this.#credit = window;
  }

  /** `open` sends it: nothing begins before the first item is asked for. */
  async *read(open: () => void): AsyncGenerator<unknown, unknown, void> {
    open();
    try {
      for (;;) {
        const item = this.#items.shift();
        if (item) {
          this.#giveBack(item.credit);
          yield item.value;
        } else if (this.#outcome) {
          if (this.#outcome.thrown) throw this.#outcome.thrown.error;
          return this.#outcome.value;
        } else await this.#woken();
      }
    } finally {
      if (!this.#outcome) await this.#leave();
    }
  }

  /** Throws `PLUGIN_PROTOCOL` for an item beyond the credit. */
  came(value: unknown, frameBytes: number): void {
    if (this.#credit <= 0) throw pluginErrors.PLUGIN_PROTOCOL(`expected the stream ${this.target} to wait for credit, came another item`);
    const credit = creditFor(frameBytes);
    this.#credit -= credit;
    this.#items.push({ value, credit });
    this.#rouse();
  }

  /** One more window, so that what still ends the stream does not wait for a reader who may be slow: the time for it runs. */
  override handleEvent(): void {
    if (this.id > 0) this.#give(this.window);
    super.handleEvent();
  }

  protected onReturn(value: unknown): void {
    this.#outcome = { value };
    this.#rouse();
  }

  protected onThrow(error: unknown): void {
    this.#outcome = { thrown: { error } };
    this.#rouse();
  }

  override aborted(): void {
    if (this.#isLeft)
      this.returned(undefined); // there is nobody to be told that it was asked to
    else super.aborted();
  }

  async #leave(): Promise<void> {
    this.#isLeft = true;
    this.#items.length = 0;
    this.ask(kinds.leave, undefined);
    while (!this.#outcome) await this.#woken();
    if (this.#outcome.thrown) throw this.#outcome.thrown.error;
  }

  #giveBack(credit: number): void {
    this.#taken += credit;
    if (this.#outcome || this.#taken * 2 < this.window) return;
    this.#give(this.#taken);
    this.#taken = 0;
  }

  #give(credit: number): void {
    this.#credit += credit;
    this.peer.send(kinds.credit, this.id, credit);
  }

  #woken(): Promise<void> {
    return new Promise((wake) => {
      this.#wake = wake;
    });
  }

  #rouse(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

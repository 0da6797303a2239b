/** A call or stream of the other side that runs here. */
import type { Io } from "../contract.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { creditFor, isCredit, kinds, mostCredit } from "./frame-kinds.ts";
import { nothingTold, type Told, tellThrown } from "./thrown.ts";

/** The peer, as what runs for it sees it. */
export interface Answering {
  /** More waits to be written than should: what can wait waits until it is roused. */
  readonly isFull: boolean;
  readonly tellsFaults: boolean;
  /** The size of its frame. Throws when the value cannot be sent. */
  send(kind: number, id: number, value: unknown): number;
  ended(running: ServedCall): void;
}

/** Most work never looks at its signal: it is made for that which does. A class, since an accessor of each object's own takes longer to make. */
class LazyIo implements Io {
  readonly #made: () => AbortSignal;

  constructor(made: () => AbortSignal) {
    this.#made = made;
  }

  get signal(): AbortSignal {
    return this.#made();
  }
}

export class ServedCall {
  readonly io: Io;
  #controller: AbortController | undefined;
  #stopped: { readonly reason: unknown } | undefined;
  #isLeft = false;
  #wake: (() => void) | undefined;

  /** `credit` is what a stream may send; absent for a call. */
  constructor(
    readonly peer: Answering,
    readonly id: number,
    readonly target: string,
    readonly frameBytes: number,
    private credit?: number,
  ) {
    this.io = new LazyIo(() => this.#signal());
  }

  /** Answers with what the work returns or throws; never rejects. */
  async run(work: () => Promise<unknown>): Promise<void> {
    let value: unknown;
    let failure: readonly Told[] | undefined;
    try {
      value = await work();
    } catch (error) {
      failure = this.#tell(error);
    }
    while (this.peer.isFull) await this.#woken();
    this.peer.ended(this);
    try {
      if (!failure) this.peer.send(kinds.result, this.id, value);
    } catch (error) {
      failure = this.#tell(error);
    }
    if (failure) this.#fail(failure);
  }

  /** Sends what the items are, as far as there is credit. A reader that leaves ends them where they stand, as it would inline. */
  async write(items: AsyncGenerator<unknown, unknown, void>): Promise<unknown> {
    let isDone = false;
    try {
      for (;;) {
        while (!this.#isLeft && (this.credit! <= 0 || this.peer.isFull)) await this.#woken();
        if (this.#isLeft) return undefined;
        const step = await items.next().catch((error) => {
          isDone = true;
          if (!this.#isLeft) throw error;
        });
        if (!step) return undefined; // what was read ahead failed, and nobody reads
        isDone ||= step.done === true;
        if (step.done) return step.value;
        if (!this.#isLeft) this.credit! -= creditFor(this.peer.send(kinds.item, this.id, step.value));
      }
    } finally {
      if (!isDone) await items.return(undefined);
    }
  }

  give(credit: unknown): void {
    if (this.credit === undefined || !isCredit(credit) || this.credit + credit > mostCredit)
      throw pluginErrors.PLUGIN_PROTOCOL(`expected credit for a stream, at most ${mostCredit} in all, came ${credit} for ${this.target}`);
    this.credit += credit;
    this.rouse();
  }

  abort(reason: unknown): void {
    if (this.#stopped) return;
    this.#stopped = { reason };
    this.#controller?.abort(reason);
  }

  leave(reason: unknown): void {
    this.#isLeft = true;
    this.abort(reason);
    this.rouse();
  }

  rouse(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  get isStream(): boolean {
    return this.credit !== undefined;
  }

  #signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#stopped) this.#controller.abort(this.#stopped.reason);
    }
    return this.#controller.signal;
  }

  /** What says most comes first. */
  #tell(error: unknown): readonly Told[] {
    return this.#stopped && error === this.#stopped.reason ? [[kinds.aborted, undefined]] : tellThrown(error, this.peer.tellsFaults);
  }

  /** Sends the first that can be sent. */
  #fail(failure: readonly Told[]): void {
    for (const [kind, value] of [...failure, nothingTold]) {
      try {
        return void this.peer.send(kind, this.id, value);
      } catch {
        // silent-ok: it is told with less
      }
    }
  }

  #woken(): Promise<void> {
    return new Promise((wake) => {
      this.#wake = wake;
    });
  }
}

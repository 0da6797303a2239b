/**
 * Hands in what an account brings, several conversations beside each other: those of one go one after the other, and the position that is kept is never
 * beyond a message that is not. What is kept and has no position yet comes again after a crash, and the inbox knows it by its event.
 */
import type { Clock } from "../clock.ts";
import type { ImplementationOf } from "../contract.ts";
import type { Acceptance, InboundMessage, inbox } from "../contracts/inbox.ts";
import { hasCode } from "../error.ts";
import { createQueue } from "../queue.ts";

/** So many are under way at once: enough for the store to commit together, and few to keep in memory. */
const MOST = 32;

/** Where the inbox does not say how long its lane will be full. */
const FULL_MS = 1_000;

type Inbox = Pick<ImplementationOf<typeof inbox>, "accept">;

interface Patience {
  readonly clock: Clock;
  /** Of what is handed in. */
  readonly signal: AbortSignal;
  /** Ends the wait. */
  readonly until: AbortSignal;
}

/** As `inbox.accept`; where a conversation has more waiting than it may, or its sender writes faster, that is waited out, in the place of an error. */
export async function acceptInTime(
  { accept }: Inbox,
  request: { readonly message: InboundMessage; readonly position?: string },
  { clock, signal, until }: Patience,
): Promise<Acceptance> {
  for (;;) {
    try {
      return await accept(request, { signal });
    } catch (error) {
      if (!hasCode(error, "LANE_FULL") && !hasCode(error, "LANE_RATE_LIMITED")) throw error;
      await clock.sleep(error.retryAfterMs ?? FULL_MS, until);
    }
  }
}

interface Item {
  readonly position: string;
  isKept: boolean;
}

/** Hands one in. The position, where there is one, is to be kept with it: it is that of everything before, or of this one too. */
type Hand = (position: string | undefined) => Promise<unknown>;

interface IntakeOptions {
  /** Keeps a position that no message took with it. */
  keep(position: string): Promise<unknown>;
  /** Told at once, where nobody may come to take or settle for long. */
  onFailure?(): void;
}

interface Taken {
  /** Of one conversation they go one after the other. */
  readonly conversation: string;
  readonly position: string;
  /** Of these one at a time is under way, of whichever conversation. */
  readonly isLarge?: boolean;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #oneByOne = createQueue();
  /** In the order in which they came; the first is not kept yet. */
  readonly #items: Item[] = [];
  /** What was taken last of each conversation. */
  readonly #lines = new Map<string, Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  /** The last position up to which everything is kept, and the last that was kept itself. */
  #reached: string | undefined;
  #kept: string | undefined;
  /** One at a time has a position with it, so that no earlier one is kept after a later one. */
  #isCarried = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Resolves when there is room for the next one. Rejects with what went wrong with any before; from then on nothing is handed in. */
  async take({ conversation, position, isLarge = false }: Taken, hand: Hand): Promise<void> {
    this.#requireWhole();
    const item: Item = { position, isKept: false };
    this.#items.push(item);
    const now = () => this.#hand(item, hand);
    const run = (this.#lines.get(conversation) ?? Promise.resolve()).then(() => (isLarge ? this.#oneByOne(now) : now()));
    this.#lines.set(conversation, run);
    this.#running.add(run);
    void run.then(() => {
      this.#running.delete(run);
      if (this.#lines.get(conversation) === run) this.#lines.delete(conversation);
    });
    while (this.#running.size >= MOST && !this.#failure) await Promise.race(this.#running);
    this.#requireWhole();
  }

  /** Resolves when everything that was taken is kept, and the position of the last. Rejects with what went wrong with any. */
  async settle(): Promise<void> {
    while (this.#running.size > 0 && !this.#failure) await Promise.race(this.#running);
    this.#requireWhole();
    if (this.#reached === undefined || this.#reached === this.#kept) return;
    await this.#options.keep(this.#reached);
    this.#kept = this.#reached;
  }

  #requireWhole(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Never rejects. */
  async #hand(item: Item, hand: Hand): Promise<void> {
    // What comes behind a failure waits until that comes again.
    if (this.#failure) return;
    const known = this.#items[0] === item ? item.position : this.#reached;
    const position = this.#isCarried || known === this.#kept ? undefined : known;
    if (position !== undefined) this.#isCarried = true;
    try {
      await hand(position);
      if (position !== undefined) this.#kept = position;
      item.isKept = true;
      while (this.#items[0]?.isKept) this.#reached = this.#items.shift()!.position;
    } catch (error) {
      this.#failure ??= { error };
      this.#options.onFailure?.();
    } finally {
      if (position !== undefined) this.#isCarried = false;
    }
  }
}

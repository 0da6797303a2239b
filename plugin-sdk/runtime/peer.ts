/**
 * One end of a connection between two processes: asks the other side, and answers it. Both ends are alike. From outside a call or stream
 * is as one in the same process (`members.ts`): an abort asks and the answer is awaited, a slow reader slows the writer, a reader that leaves
 * ends the stream and waits for it. What no honest peer sends ends the connection.
 */
import type { Clock } from "../clock.ts";
import type { Io } from "../contract.ts";
import { errorMessage, type GatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { type Asked, AskedCall, type Asking, Reading } from "./asked.ts";
import { isCredit, kinds } from "./frame-kinds.ts";
import { type Answering, ServedCall } from "./served.ts";
import { codedFrom, codedOf, faultFrom } from "./thrown.ts";

export interface Served {
  /** A call of the other side. */
  call(target: string, params: unknown, io: Io): Promise<unknown>;
  /** A stream that the other side reads. */
  stream(target: string, params: unknown, io: Io): AsyncGenerator<unknown, unknown, void>;
}

export interface PeerOptions {
  readonly clock: Clock;
  readonly served: Served;
  /** How long an answer is awaited behind an abort before it counts as stalled (`PLUGIN_STALLED`). */
  readonly abortMs: number;
  /** Items of a stream that may be under way unread; a large one counts as several (`creditFor`). 256 when not given. */
  readonly window?: number;
  /** Calls and streams that may run at once, and of this side wait to be sent; one more ends as `PLUGIN_BUSY`. 1,024 when not given. */
  readonly calls?: number;
  /** Bytes of frames that may be held by those that run, the last of them beyond that; one more is answered `PLUGIN_BUSY`. 64 MiB when not given. */
  readonly callBytes?: number;
  /** What is said of an error of this side that is no GatewayError: its name, message and stack, or only that it failed. */
  readonly tellsFaults: boolean;
  /** Told of the end before anybody who waits is. */
  onEnding?(error: GatewayError): void;
}

/** What carries the frames of one peer to another, in order. */
export interface Wire {
  /** The size of the frame in bytes. Throws for a value that cannot be sent; then nothing was. */
  send(kind: number, id: number, value: unknown): number;
  /** More waits to be written than should. `Peer.drained` is called when that is over. */
  readonly isFull: boolean;
  close(reason: GatewayError): void;
}

const mostCalls = 1_024;
const { signal: never } = new AbortController();

export class Peer {
  readonly #asked = new Map<number, Asked>();
  /** What is asked for as soon as the wire has room, in that order. */
  readonly #waiting = new Map<Asked, () => void>();
  readonly #running = new Map<number, ServedCall>();
  readonly #pings = new Map<number, PromiseWithResolvers<void>>();
  readonly #asking: Asking;
  readonly #answering: Answering;
  #wire: Wire | undefined;
  #ended: GatewayError | undefined;
  #nextId = 1;
  /** The last id that the other side has opened. */
  #theirs = 0;
  #heldBytes = 0;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(readonly options: PeerOptions) {
    const { clock, abortMs, tellsFaults } = options;
    const isFull = () => !this.#ended && this.#wire?.isFull === true;
    this.#asking = {
      clock,
      abortMs,
      send: (kind, id, ...values) => this.#send(kind, id, ...values),
      settled: (asked) => {
        this.#asked.delete(asked.id);
        this.#waiting.delete(asked);
      },
    };
    this.#answering = {
      tellsFaults,
      get isFull() {
        return isFull();
      },
      send: (kind, id, value) => this.#send(kind, id, value),
      ended: ({ id, frameBytes }) => {
        this.#running.delete(id);
        this.#heldBytes -= frameBytes;
      },
    };
  }

  /** Whether this is how the connection ended, and not what was thrown on the other side. */
  isEnd = (error: unknown): boolean => this.#ended !== undefined && this.#ended === error;

  /** Calls and streams of this side that wait for their answer. */
  get awaiting(): number {
    return this.#asked.size + this.#waiting.size;
  }

  /** Calls and streams of the other side that run, also behind the end. */
  get running(): number {
    return this.#running.size;
  }

  /** Waits until the other side has read what is under way: large parameters go one after another. */
  call(target: string, params: unknown, io: Io): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const asked = new AskedCall(this.#asking, target, io.signal, resolve, reject);
      this.#open(asked, kinds.call, params === undefined ? [target] : [target, params]);
    });
  }

  /** A call that waits for nothing, by somebody who does not wait for its answer: whoever says too much so ends the connection. */
  tell(target: string, params: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#assertConnected();
      this.#sendOpening(new AskedCall(this.#asking, target, never, resolve, reject), kinds.call, [target, params]);
    });
  }

  stream(target: string, params: unknown, io: Io): AsyncGenerator<unknown, unknown, void> {
    const { window = 256 } = this.options;
    const reading = new Reading(this.#asking, target, io.signal, window);
    return reading.read(() => this.#open(reading, kinds.stream, params === undefined ? [target, window] : [target, window, params]));
  }

  /** Resolves with the answer to a ping. */
  async ping(): Promise<void> {
    this.#assertConnected();
    const pong = Promise.withResolvers<void>();
    const id = this.#nextId++;
    this.#pings.set(id, pong);
    this.#send(kinds.ping, id);
    await pong.promise;
  }

  /** Everything that waits is rejected with `error`, everything that runs is aborted with it. The first end counts. */
  end(error: GatewayError): void {
    if (this.#ended) return;
    this.#ended = error;
    this.options.onEnding?.(error);
    for (const asked of [...this.#asked.values(), ...this.#waiting.keys()]) asked.threw(error);
    for (const { reject } of this.#pings.values()) reject(error);
    this.#pings.clear();
    this.#room?.resolve();
    for (const running of this.#running.values()) running.leave(error);
    this.#wire?.close(error);
  }

  connect(wire: Wire): void {
    if (this.#ended) return void wire.close(this.#ended);
    if (this.#wire) return void wire.close(pluginErrors.PLUGIN_PROTOCOL("a peer has one connection, and this one has it already"));
    this.#wire = wire;
  }

  /** Resolves when what is sent does not wait: for what is large, and is better not made before. At the end of the connection too. */
  async room(): Promise<void> {
    while (!this.#ended && this.#wire?.isFull) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
  }

  /** The wire has room again: what waited for it goes on. */
  drained(): void {
    for (const [asked, send] of this.#waiting) {
      if (this.#wire?.isFull) return;
      this.#waiting.delete(asked);
      try {
        send();
      } catch (error) {
        asked.threw(error);
      }
    }
    this.#room?.resolve();
    this.#room = undefined;
    for (const running of this.#running.values()) running.rouse();
  }

  /** Throws `PLUGIN_PROTOCOL` for what no honest peer sends. `frameBytes` is what the wire's `send` answered at the other end. */
  receive(kind: number, id: number, value: unknown, frameBytes = 0): void {
    if (this.#ended) return;
    switch (kind) {
      case kinds.call:
      case kinds.stream:
        return void this.#serve(kind === kinds.stream, id, value, frameBytes);
      case kinds.ping:
        this.#claim(id);
        return void this.#send(kinds.pong, id);
      case kinds.credit:
      case kinds.abort:
      case kinds.leave:
        return void this.#steer(kind, id, value);
      case kinds.pong:
      case kinds.result:
      case kinds.item:
      case kinds.error:
      case kinds.fault:
      case kinds.aborted:
        return void this.#hear(kind, id, value, frameBytes);
    }
    throw pluginErrors.PLUGIN_PROTOCOL(`expected a kind of frame that there is, came ${kind}`);
  }

  #assertConnected(): void {
    if (this.#ended) throw this.#ended;
    if (!this.#wire) throw pluginErrors.PLUGIN_GONE("the other side has not connected yet");
  }

  /** At once, or in its turn. */
  #open(asked: Asked, kind: number, value: unknown): void {
    this.#assertConnected();
    asked.signal.throwIfAborted();
    if (!this.#wire?.isFull && this.#waiting.size === 0) return void this.#sendOpening(asked, kind, value);
    const { calls = mostCalls } = this.options;
    if (this.#waiting.size >= calls)
      throw pluginErrors.PLUGIN_BUSY(
        `${calls} calls wait until the other side has read what was sent before: try ${asked.target} again later`,
      );
    asked.listen();
    this.#waiting.set(asked, () => this.#sendOpening(asked, kind, value));
  }

  #sendOpening(asked: Asked, kind: number, value: unknown): void {
    const id = this.#nextId++;
    this.#asked.set(id, asked);
    asked.opened(id);
    try {
      this.#send(kind, id, value);
    } catch (error) {
      asked.close();
      throw pluginErrors.PLUGIN_VALUE_INVALID(`the parameters of ${asked.target}: ${errorMessage(error)}`, { cause: error });
    }
  }

  #send(kind: number, id: number, value?: unknown, ...instead: readonly unknown[]): number {
    if (this.#ended || !this.#wire) return 0;
    try {
      return this.#wire.send(kind, id, value);
    } catch (error) {
      if (instead.length === 0) throw error;
      return this.#send(kind, id, ...instead);
    }
  }

  /** An id that the other side opens now. */
  #claim(id: number): void {
    if (id <= this.#theirs) throw pluginErrors.PLUGIN_PROTOCOL(`expected an id above ${this.#theirs}, came ${id}, which is or was in use`);
    this.#theirs = id;
  }

  #serve(isStream: boolean, id: number, value: unknown, frameBytes: number): void {
    this.#claim(id);
    const told: readonly unknown[] = Array.isArray(value) ? value : [];
    const [target] = told;
    const credit = isStream && isCredit(told[1]) ? told[1] : undefined;
    const at = isStream ? 2 : 1;
    if (typeof target !== "string" || (isStream && credit === undefined) || told.length > at + 1)
      throw pluginErrors.PLUGIN_PROTOCOL("expected a target, for a stream its credit, and parameters");
    const { served, calls = mostCalls, callBytes = 64 * 2 ** 20 } = this.options;
    if (this.#running.size >= calls || this.#heldBytes > callBytes) {
      const running = `${this.#running.size} calls of ${this.#heldBytes} bytes run here`;
      const busy = pluginErrors.PLUGIN_BUSY(`${running}; ${calls} of ${callBytes} may: try again when one has ended`);
      return void this.#send(kinds.error, id, codedOf(busy));
    }
    const running = new ServedCall(this.#answering, id, target, frameBytes, credit);
    this.#running.set(id, running);
    this.#heldBytes += frameBytes;
    const params = told[at];
    const { io } = running;
    void running.run(() => (isStream ? running.write(served.stream(target, params, io)) : served.call(target, params, io)));
  }

  /** What the other side says about what runs for it. It may have ended meanwhile. */
  #steer(kind: number, id: number, value: unknown): void {
    if (id > this.#theirs) throw pluginErrors.PLUGIN_PROTOCOL(`expected an id that was opened, came ${id}`);
    const reason = kind === kinds.abort && value !== undefined ? codedFrom(value) : undefined;
    const running = this.#running.get(id);
    if (!running) return;
    if (kind === kinds.credit) return void running.give(value);
    if (kind === kinds.abort) return void running.abort(reason ?? new DOMException("The caller aborted it.", "AbortError"));
    if (!running.isStream) throw pluginErrors.PLUGIN_PROTOCOL(`expected a stream to be left, came the call ${running.target}`);
    running.leave(pluginErrors.PLUGIN_UNLOADED(`the reader of ${running.target} left`));
  }

  /** What the other side says to what was asked of it. That may have been given up. */
  #hear(kind: number, id: number, value: unknown, frameBytes: number): void {
    if (id < 1 || id >= this.#nextId)
      throw pluginErrors.PLUGIN_PROTOCOL(`expected an answer to something that was asked, came one to ${id}`);
    const pong = this.#pings.get(id);
    const asked = this.#asked.get(id);
    if ((pong && kind !== kinds.pong) || (asked && kind === kinds.pong) || (kind === kinds.item && asked && !(asked instanceof Reading)))
      throw pluginErrors.PLUGIN_PROTOCOL(`expected an answer to ${asked?.target ?? "a ping"}, came a frame of kind ${kind}`);
    const error = kind === kinds.error ? codedFrom(value) : kind === kinds.fault ? faultFrom(value, asked?.target ?? "it") : undefined;
    if (pong) {
      this.#pings.delete(id);
      return void pong.resolve();
    }
    if (!asked) return;
    if (asked instanceof Reading && kind === kinds.item) asked.came(value, frameBytes);
    else if (kind === kinds.result) asked.returned(value);
    else if (kind === kinds.aborted) asked.aborted();
    else asked.threw(error);
  }
}

/** One TCP connection: read no faster than what arrives is taken, written no faster than it is taken over there, and each direction ends by itself. */
import type { Socket } from "bun";
import { pluginErrors } from "../plugin-errors.ts";

/** May wait to be taken before whoever sends is made to wait. */
const mostHeld = 2 ** 18;

export class Connection {
  readonly #socket: Socket<Connection>;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isPaused = false;
  /** Nothing more arrives. */
  #isOver = false;
  /** Nothing more is written. */
  #isFinished = false;
  #isClosed = false;
  #arrived: PromiseWithResolvers<void> | undefined;
  #drained: PromiseWithResolvers<void> | undefined;
  /** Bytes. */
  sent = 0;
  received = 0;
  /** Called once, when both directions have ended or it broke. */
  onClose: (() => void) | undefined;

  constructor(socket: Socket<Connection>) {
    this.#socket = socket;
  }

  /** One that stands. Rejects when it cannot be made; one that stands too late, behind the signal, is closed. */
  static to(address: { readonly hostname: string; readonly port: number }, signal: AbortSignal): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const open = (socket: Socket<Connection>) => {
        socket.data = new Connection(socket);
        if (!signal.aborted) return resolve(socket.data);
        socket.data.terminate();
        reject(signal.reason);
      };
      Bun.connect<Connection>({ ...address, allowHalfOpen: true, socket: { ...connectionHandlers, open } }).catch(reject);
    });
  }

  get localAddress(): string {
    return this.#socket.localAddress;
  }

  /** What arrives, until the other side has said everything. By one reader. */
  async *read(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (;;) {
      const chunk = this.#held.shift();
      if (chunk) {
        this.#heldBytes -= chunk.length;
        yield chunk as Uint8Array<ArrayBuffer>;
      } else if (this.#isOver) return;
      else {
        if (this.#isPaused) this.#socket.resume();
        this.#isPaused = false;
        this.#arrived ??= Promise.withResolvers();
        await this.#arrived.promise;
      }
    }
  }

  /** Resolves when the socket has taken it. */
  async write(bytes: Uint8Array): Promise<void> {
    this.sent += bytes.length;
    for (let rest = bytes; ; ) {
      if (this.#isClosed) throw pluginErrors.PLUGIN_GONE("the connection is closed");
      rest = rest.subarray(Math.max(0, this.#socket.write(rest)));
      if (rest.length === 0) return;
      this.#drained ??= Promise.withResolvers();
      await this.#drained.promise;
    }
  }

  /** Nothing more is written; what arrives is still read. */
  finish(): void {
    if (this.#isFinished || this.#isClosed) return;
    this.#isFinished = true;
    this.#socket.shutdown();
    if (this.#isOver) this.#socket.end();
  }

  terminate(): void {
    this.#socket.terminate();
    this.closed();
  }

  /** From here on called by the socket. The chunk is its own memory. */
  arrived(chunk: Uint8Array): void {
    this.#held.push(Buffer.from(chunk));
    this.#heldBytes += chunk.length;
    this.received += chunk.length;
    if (this.#heldBytes > mostHeld) {
      this.#isPaused = true;
      this.#socket.pause();
    }
    this.#wake();
  }

  drain(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  ended(): void {
    this.#isOver = true;
    if (this.#isFinished) this.#socket.end();
    this.#wake();
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.ended();
    this.drain();
    this.onClose?.();
  }

  #wake(): void {
    this.#arrived?.resolve();
    this.#arrived = undefined;
  }
}

/** What the sockets of connections do, whoever opened them. */
export const connectionHandlers = {
  data: (socket: Socket<Connection>, chunk: Buffer) => socket.data.arrived(chunk),
  drain: (socket: Socket<Connection>) => socket.data.drain(),
  end: (socket: Socket<Connection>) => socket.data.ended(),
  // Also of one that never was.
  close: (socket: Socket<Connection>) => socket.data?.closed(),
  error: (socket: Socket<Connection>) => socket.terminate(),
};

/** A connection that was made already, and is this process's own from now on. Bun declares its options, and forgot them at `connect`. */
export const adopt = Bun.connect as unknown as (options: Bun.FdSocketOptions) => Promise<unknown>;

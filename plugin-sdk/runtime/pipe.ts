/** Two sockets joined: what one sends the other gets, no faster than it takes it, and each direction ends by itself. */
import type { Socket } from "bun";

/** One socket of two. What arrives before it is joined is held, and its sender made to wait. */
export class PipeEnd {
  readonly #socket: Socket<PipeEnd>;
  #other: PipeEnd | undefined;
  /** To be written, once the socket takes more. */
  #waiting: Buffer[] = [];
  /** Arrived, before there was anybody to give it to. */
  #held: Buffer[] = [];
  #isReadable = true;
  #isWritable = true;
  /** Nothing more comes to be written. */
  #isFinishing = false;
  #isClosed = false;
  /** Bytes that were handed on from here. */
  passed = 0;

  constructor(socket: Socket<PipeEnd>) {
    this.#socket = socket;
  }

  join(other: PipeEnd): void {
    for (const [end, its] of [[this, other] as const, [other, this] as const]) end.#other = its;
    for (const end of [this, other]) {
      const held = end.#held;
      end.#held = [];
      for (const chunk of held) end.arrived(chunk);
      end.#socket.resume();
      if (!end.#isReadable) end.#other!.#finish();
      if (end.#isClosed) end.#other!.#closeSoon();
    }
  }

  /** From the socket. */
  arrived(chunk: Uint8Array): void {
    if (!this.#other) {
      this.#held.push(Buffer.from(chunk));
      this.#socket.pause();
      return;
    }
    this.passed += chunk.length;
    if (!this.#other.#write(chunk)) this.#socket.pause();
  }

  /** Whether more may come at once. The chunk is the socket's own memory: what is kept of it is copied. */
  #write(chunk: Uint8Array): boolean {
    if (!this.#isWritable) return true;
    if (this.#waiting.length === 0) {
      const written = Math.max(0, this.#socket.write(chunk));
      if (written === chunk.length) return true;
      this.#waiting.push(Buffer.from(chunk.subarray(written)));
    } else this.#waiting.push(Buffer.from(chunk));
    return false;
  }

  drained(): void {
    while (this.#waiting.length > 0) {
      const chunk = this.#waiting[0]!;
      const written = Math.max(0, this.#socket.write(chunk));
      if (written < chunk.length) {
        this.#waiting[0] = chunk.subarray(written);
        return;
      }
      this.#waiting.shift();
    }
    if (this.#isFinishing) this.#shutDown();
    else if (this.#other) this.#other.#socket.resume();
  }

  /** The far side of the socket sends no more, and may still listen. */
  ended(): void {
    this.#isReadable = false;
    if (this.#other) this.#other.#finish();
    this.#closeWhenOver();
  }

  closed(): void {
    this.#isClosed = true;
    this.#isReadable = false;
    this.#isWritable = false;
    this.#waiting = [];
    if (this.#other) this.#other.#closeSoon();
  }

  #finish(): void {
    this.#isFinishing = true;
    if (this.#waiting.length === 0) this.#shutDown();
  }

  #shutDown(): void {
    if (!this.#isWritable) return;
    this.#isWritable = false;
    this.#socket.shutdown();
    this.#closeWhenOver();
  }

  #closeWhenOver(): void {
    if (!this.#isReadable && !this.#isWritable && !this.#isClosed) this.#socket.end();
  }

  /** Nobody reads what this one's far side still says. */
  #closeSoon(): void {
    this.#isReadable = false;
    this.#finish();
    this.#closeWhenOver();
  }
}

/** What both sides of a pipe do with their sockets, whoever opened them. */
export const pipeHandlers = {
  data: (socket: Socket<PipeEnd>, chunk: Buffer) => socket.data.arrived(chunk),
  drain: (socket: Socket<PipeEnd>) => socket.data.drained(),
  end: (socket: Socket<PipeEnd>) => socket.data.ended(),
  close: (socket: Socket<PipeEnd>) => socket.data.closed(),
};

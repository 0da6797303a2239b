/**
 * Frames on a socket. Each is
 *
 *     u32 length of what follows | u8 kind | u48 id | JSON
 *
 * little-endian, or, with the kind's highest bit set, `… | u32 length of the JSON | JSON | bytes` (`frame-values.ts`). Frames of one tick
 * leave in one write: when the promises have run that are due, which is some microseconds before `setImmediate`.
 */
import { type GatewayError, isGatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { kinds } from "./frame-kinds.ts";
import { decodeValue, encodeValue, tooManyIn } from "./frame-values.ts";
import type { Peer, Wire } from "./peer.ts";

/** In place of Buffer's methods, which cost a call some 3 us when the processor has just woken. */
const writeUint32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
};
const readUint32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

const lengthBytes = 4;
const headBytes = lengthBytes + 7;
const withBytes = 0x80;
/** From here on what can wait is not written: the other side does not keep up. */
const fullBytes = 2 ** 20;
const smallBytes = 2 ** 16;
/** A buffer that grew beyond this is not kept. */
const keptBytes = 2 ** 21;
/** How many times what it holds a frame that is under way may take. */
const growth = 8;
/** Frames that are taken before everybody else has a turn: whoever floods this side is served no faster than that, and made to wait. */
const turnFrames = 64;

/** Of Bun's sockets, what is needed. */
export interface ByteSocket {
  /** How much of it was taken, which may be less; below 0 when the socket is closed. */
  write(bytes: Uint8Array): number;
  end(): void;
  terminate(): void;
  /** No more is handed over until it is told to go on. Absent in memory. */
  pause?(): void;
  resume?(): void;
}

export interface FrameOptions {
  /** The longest frame, 64 MiB when not given. One that is longer ends the connection; one of this side is not sent. */
  readonly frameBytes?: number;
  /** What may wait to be read by the other side, and one frame more; 64 MiB when not given. Beyond it the connection ends with `PLUGIN_STALLED`. */
  readonly unsentBytes?: number;
  /** Called once, behind the peer's own end. */
  onEnd(error: GatewayError): void;
}

export interface FrameSocketHandler {
  open(socket: ByteSocket): void;
  data(socket: ByteSocket, chunk: Buffer): void;
  drain(socket: ByteSocket): void;
  close(socket: ByteSocket): void;
  error(socket: ByteSocket, error: Error): void;
}

/** Socket handlers for `Bun.listen` and `Bun.connect` that carry one peer over the first socket that opens; others are closed. */
export function frameSocket(peer: Peer, options: FrameOptions): FrameSocketHandler {
  let first: { readonly socket: ByteSocket; readonly frames: Frames } | undefined;
  const framesOf = (socket: ByteSocket) => (first?.socket === socket ? first.frames : undefined);
  return {
    open(socket) {
      if (first) return socket.terminate();
      first = { socket, frames: new Frames(peer, options, socket) };
      peer.connect(first.frames);
    },
    data: (socket, chunk) => framesOf(socket)?.take(chunk),
    drain: (socket) => framesOf(socket)?.flush(),
    close: (socket) => framesOf(socket)?.gone(),
    error: (socket, error) => framesOf(socket)?.gone(error),
  };
}

class Frames implements Wire {
  readonly #frameBytes: number;
  readonly #unsentBytes: number;
  #ended = false;

  /** What is to be written stands in `#out` between the two. */
  #out = Buffer.allocUnsafe(smallBytes);
  #from = 0;
  #to = 0;
  readonly #write = () => this.flush();
  #isArmed = false;
  #isBlocked = false;

  /** What arrived and was not taken yet: nothing that comes later is taken before. */
  #later: Buffer | undefined;

  /** The beginning of a frame whose rest has not come: `#have` bytes of `#need`. */
  #part: Buffer | undefined;
  #have = 0;
  #need = 0;

  constructor(
    readonly peer: Peer,
    readonly options: FrameOptions,
    readonly socket: ByteSocket,
  ) {
    ({ frameBytes: this.#frameBytes = 64 * 2 ** 20, unsentBytes: this.#unsentBytes = 64 * 2 ** 20 } = options);
  }

  get isFull(): boolean {
    return this.#to - this.#from > fullBytes;
  }

  send(kind: number, id: number, value: unknown): number {
    if (this.#ended) return 0;
    const { json, bytes } = encodeValue(value);
    let room = json.length * 3;
    if (room > smallBytes) room = Buffer.byteLength(json);
    const head = bytes ? headBytes + 4 : headBytes;
    const beside = bytes?.reduce((sum, { length }) => sum + length, 0) ?? 0;
    if (head + room + beside > this.#frameBytes) this.#assertFits(head + Buffer.byteLength(json) + beside - lengthBytes);
    this.#makeRoom(head + room + beside);
    const start = this.#to;
    const out = this.#out;
    const jsonBytes = json === "" ? 0 : out.write(json, start + head, "utf8");
    const tooMany = tooManyIn(out, start + head, start + head + jsonBytes);
    if (tooMany) throw new RangeError(tooMany);
    const length = head + jsonBytes + beside - lengthBytes;
    writeUint32(out, start, length);
    out[start + 4] = bytes ? kind | withBytes : kind;
    writeUint32(out, start + 5, id);
    out[start + 9] = id / 2 ** 32;
    out[start + 10] = id / 2 ** 40;
    let at = start + head + jsonBytes;
    if (bytes) {
      writeUint32(out, start + headBytes, jsonBytes);
      for (const part of bytes) {
        out.set(part, at);
        at += part.length;
      }
    }
    this.#to = at;
    if (start - this.#from > this.#unsentBytes) this.#checkUnsent();
    if (!this.#isArmed && !this.#isBlocked) {
      this.#isArmed = true;
      process.nextTick(this.#write);
    }
    return length;
  }

  close(reason: GatewayError): void {
    if (this.#ended) return;
    this.flush();
    this.#over();
    this.socket.end();
    this.options.onEnd(reason);
  }

  /** Writes what the socket takes. */
  flush(): void {
    this.#isArmed = false;
    if (this.#ended || this.#from === this.#to) return;
    const wasFull = this.isFull;
    this.#from += Math.max(0, this.socket.write(this.#out.subarray(this.#from, this.#to)));
    this.#isBlocked = this.#from < this.#to;
    if (!this.#isBlocked) {
      this.#from = this.#to = 0;
      if (this.#out.length > keptBytes) this.#out = Buffer.allocUnsafe(smallBytes);
    }
    if (wasFull && !this.isFull) this.peer.drained();
  }

  /** Never throws: what cannot be understood ends the connection. The chunk is the socket's own memory. */
  take(chunk: Buffer): void {
    if (this.#later) this.#later = Buffer.concat([this.#later, chunk]);
    else this.#wait(chunk, this.#takeSome(chunk, turnFrames));
  }

  /** What is left is copied once, and then only looked at from further on. */
  #wait(chunk: Buffer, from: number, isOwn = false): void {
    const before = this.#later;
    this.#later = this.#ended || from >= chunk.length ? undefined : isOwn ? chunk.subarray(from) : Buffer.from(chunk.subarray(from));
    if (!before && this.#later) this.socket.pause?.();
    if (before && !this.#later && !this.#ended) this.socket.resume?.();
    if (this.#later) setImmediate(this.#goOn);
  }
  readonly #goOn = () => {
    if (this.#later) this.#wait(this.#later, this.#takeSome(this.#later, turnFrames), true);
  };

  /** Answers with where it stopped. */
  #takeSome(chunk: Buffer, most: number): number {
    let at = 0;
    try {
      let taken = 0;
      let hasAnswered = false;
      if (this.#part) at = this.#complete(chunk, 0);
      while (!this.#ended && at < chunk.length && taken++ < most) {
        const next = chunk.length - at < lengthBytes ? undefined : at + lengthBytes + this.#lengthAt(chunk, at);
        if (next === undefined || next > chunk.length) at = this.#complete(chunk, at);
        else {
          const isAsked = (chunk[at + lengthBytes]! & ~withBytes) <= kinds.stream;
          // Whoever waits for an answer goes on before what was said behind it is heard, however both have come.
          if (isAsked && hasAnswered && most === turnFrames) break;
          hasAnswered ||= !isAsked;
          this.#receive(chunk, at, next);
          at = next;
        }
      }
    } catch (error) {
      this.#fail(isGatewayError(error) ? error : pluginErrors.PLUGIN_PROTOCOL("a frame could not be taken", { cause: error }));
    }
    return at;
  }

  /** The connection is closed, or broken. */
  gone(cause?: Error): void {
    if (this.#later) this.#takeSome(this.#later, Number.POSITIVE_INFINITY);
    const where = this.#part ? "in the middle of a frame" : "between two frames";
    this.#fail(pluginErrors.PLUGIN_GONE(`the other side closed the connection ${where}`, { cause }));
  }

  /** Copies what belongs to the frame that is under way, and takes that when it is whole; answers with where the rest begins. */
  #complete(chunk: Buffer, from: number): number {
    let at = from;
    if (!this.#part) {
      this.#part = Buffer.allocUnsafe(Math.min(chunk.length - at, smallBytes) + headBytes);
      this.#have = 0;
      this.#need = lengthBytes;
    }
    while (at < chunk.length && this.#have < this.#need) {
      const count = Math.min(this.#need - this.#have, chunk.length - at);
      // It grows with what has come, not to what was announced: four bytes must not cost 64 MiB.
      if (this.#have + count > this.#part.length) {
        const larger = Buffer.allocUnsafe(Math.min(this.#need, Math.max(this.#part.length * growth, this.#have + count)));
        this.#part.copy(larger, 0, 0, this.#have);
        this.#part = larger;
      }
      chunk.copy(this.#part, this.#have, at, at + count);
      this.#have += count;
      at += count;
      if (this.#have === lengthBytes) this.#need = lengthBytes + this.#lengthAt(this.#part, 0);
    }
    if (this.#have === this.#need) {
      const whole = this.#part;
      this.#part = undefined;
      this.#receive(whole, 0, this.#need);
    }
    return at;
  }

  #lengthAt(buffer: Buffer, at: number): number {
    const length = readUint32(buffer, at);
    const [least, most] = [headBytes - lengthBytes, this.#frameBytes];
    if (length >= least && length <= most) return length;
    throw pluginErrors.PLUGIN_PROTOCOL(`expected a frame of ${least} to ${most} bytes, came one of ${length}`);
  }

  #receive(buffer: Buffer, start: number, end: number): void {
    const kind = buffer[start + 4]!;
    const id = readUint32(buffer, start + 5) + (buffer[start + 9]! | (buffer[start + 10]! << 8)) * 2 ** 32;
    const hasBytes = (kind & withBytes) !== 0;
    const from = start + (hasBytes ? headBytes + 4 : headBytes);
    if (from > end)
      throw pluginErrors.PLUGIN_PROTOCOL(`expected the length of its JSON in a frame with bytes, came ${end - start} bytes in all`);
    const value = decodeValue(buffer, from, end, hasBytes ? readUint32(buffer, start + headBytes) : undefined);
    this.peer.receive(kind & ~withBytes, id, value, end - start - lengthBytes);
  }

  #assertFits(length: number): void {
    if (length > this.#frameBytes) throw new RangeError(`it takes ${length} bytes; at most ${this.#frameBytes} are allowed`);
  }

  #makeRoom(count: number): void {
    if (this.#to + count <= this.#out.length) return;
    const unsent = this.#to - this.#from;
    const isHalfFree = unsent + count <= this.#out.length / 2;
    const target = isHalfFree ? this.#out : Buffer.allocUnsafe(Math.max(this.#out.length * 2, unsent + count));
    this.#out.copy(target, 0, this.#from, this.#to);
    this.#out = target;
    this.#from = 0;
    this.#to = unsent;
  }

  #checkUnsent(): void {
    this.flush();
    const unsent = this.#to - this.#from;
    if (unsent <= this.#unsentBytes) return;
    this.#fail(pluginErrors.PLUGIN_STALLED(`the other side does not read: ${unsent} bytes wait for it, ${this.#unsentBytes} may`));
  }

  #fail(error: GatewayError): void {
    if (this.#ended) return;
    this.#over();
    this.socket.terminate();
    this.peer.end(error);
    this.options.onEnd(error);
  }

  #over(): void {
    this.#ended = true;
    this.#part = this.#later = undefined;
    this.#out = Buffer.alloc(0);
    this.#from = this.#to = 0;
  }
}

/** One peer behind a socket that a test holds in its hands, and frames that no peer would write. */
import type { GatewayError } from "../error.ts";
import { type ByteSocket, type FrameOptions, frameSocket } from "../runtime/frames.ts";
import { Peer, type PeerOptions, type Served } from "../runtime/peer.ts";
import { createManualClock } from "./clock.ts";
import { servesNothing } from "./peers.ts";

/** Takes so many bytes until it is told to take more. */
export class HeldSocket implements ByteSocket {
  readonly written: Buffer[] = [];
  readonly said: string[] = [];
  constructor(public takes = Number.POSITIVE_INFINITY) {}
  write(bytes: Uint8Array): number {
    const count = Math.min(this.takes, bytes.length);
    this.takes -= count;
    this.written.push(Buffer.from(bytes.subarray(0, count)));
    return count;
  }
  end = () => void this.said.push("end");
  terminate = () => void this.said.push("terminate");
  get text(): string {
    return Buffer.concat(this.written).toString("latin1");
  }
}

export function holdPeer(served: Partial<Served> = {}, frames: Partial<FrameOptions> = {}, options: Partial<PeerOptions> = {}) {
  const ends: GatewayError[] = [];
  const serving = { ...servesNothing, ...served };
  const peer = new Peer({ clock: createManualClock(), abortMs: 1_000, tellsFaults: true, ...options, served: serving });
  const handler = frameSocket(peer, { onEnd: (error) => void ends.push(error), ...frames });
  const socket = new HeldSocket();
  handler.open(socket);
  return { peer, socket, ends, data: (bytes: Buffer) => handler.data(socket, bytes), handler };
}

/** A frame as it is described, whatever it holds. */
export function rawFrame(kind: number, id: number, json: string | Buffer = "", length?: number): Buffer {
  const body = Buffer.from(json);
  const head = Buffer.alloc(11);
  head.writeUInt32LE(length ?? 7 + body.length, 0);
  head[4] = kind;
  head.writeUIntLE(id, 5, 6);
  return Buffer.concat([head, body]);
}

export const rawCall = (id: number, params: unknown): Buffer => rawFrame(1, id, JSON.stringify(["target", params]));

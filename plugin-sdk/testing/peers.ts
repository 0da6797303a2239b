/** Two peers in one process, joined by their frames: in memory, or over a unix socket. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Io } from "../contract.ts";
import type { GatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { type ByteSocket, type FrameSocketHandler, frameSocket } from "../runtime/frames.ts";
import { Peer, type PeerOptions, type Served } from "../runtime/peer.ts";
import { createManualClock } from "./clock.ts";

/** What a side serves that is only to ask. */
export const servesNothing: Served = {
  call: async (target) => {
    throw pluginErrors.CAPABILITY_MISSING(`${target}: nothing is served here`);
  },
  stream: (target) => {
    throw pluginErrors.CAPABILITY_MISSING(`${target}: nothing is served here`);
  },
};

/** Each end's writes arrive at the other end in a later turn of the event loop. */
export function joinInMemory(near: FrameSocketHandler, far: FrameSocketHandler): void {
  const lead = (to: FrameSocketHandler, end: () => ByteSocket): ByteSocket => {
    const close = () => void setImmediate(() => to.close(end()));
    return {
      write(bytes) {
        const chunk = Buffer.from(bytes);
        setImmediate(() => to.data(end(), chunk));
        return bytes.length;
      },
      end: close,
      terminate: close,
    };
  };
  const nearEnd: ByteSocket = lead(far, () => farEnd);
  const farEnd: ByteSocket = lead(near, () => nearEnd);
  near.open(nearEnd);
  far.open(farEnd);
}

export async function joinOverSocket(near: FrameSocketHandler, far: FrameSocketHandler): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-peers-"));
  const unix = join(folder, "peers.sock");
  const opened = Promise.withResolvers<void>();
  const listener = Bun.listen({
    unix,
    socket: {
      ...far,
      open(socket) {
        far.open(socket);
        opened.resolve();
      },
    },
  });
  await Bun.connect({ unix, socket: near });
  await opened.promise;
  listener.stop();
  rmSync(folder, { recursive: true });
}

/** `near` asks, `far` serves; their frames stay in memory, and their time stands still. */
export function joinPeers(served: Partial<Served>, options: Partial<PeerOptions> = {}) {
  const clock = createManualClock();
  const ends: GatewayError[] = [];
  const onEnd = (error: GatewayError) => void ends.push(error);
  const far = new Peer({ clock, abortMs: 1_000, tellsFaults: true, ...options, served: { ...servesNothing, ...served } });
  const near = new Peer({ clock, abortMs: 1_000, tellsFaults: false, ...options, served: servesNothing });
  joinInMemory(frameSocket(near, { onEnd }), frameSocket(far, { onEnd }));
  return { near, far, clock, ends };
}

/** For calls that nobody aborts. */
export const quiet: Io = { signal: new AbortController().signal };

export const aborted = ({ signal }: Io): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

/** What it was rejected with; fails when it was not. */
export const thrown = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    (value) => {
      throw new Error(`expected it to throw, it answered ${JSON.stringify(value)}`);
    },
    (error) => error,
  );

export async function readAll(items: AsyncGenerator<unknown, unknown, void>) {
  const read: unknown[] = [];
  for (;;) {
    const step = await items.next();
    if (step.done) return { read, result: step.value };
    read.push(step.value);
  }
}

/** Two peers in one process, joined by their frames: in memory, or over a unix socket. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pluginErrors } from "../plugin-errors.ts";
import type { ByteSocket, FrameSocketHandler } from "../runtime/frames.ts";
import type { Served } from "../runtime/peer.ts";

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

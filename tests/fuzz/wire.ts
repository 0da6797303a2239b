/** A socket on which anything can be sent, and which knows little of what comes back. */
import { frameOf } from "../support/raw-socket.ts";

export interface Wire {
  readonly closed: Promise<void>;
  readonly isOpen: boolean;
  text(text: string): void;
  bytes(bytes: Uint8Array): void;
  /** Resolves with the text of the first frame that holds this, or with nothing when the socket closes first. */
  heard(part: string): Promise<string | undefined>;
  end(how: "close" | "reset" | "half"): void;
}

const upgrade = (host: string) =>
  [
    "GET / HTTP/1.1",
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n");

/** The payloads of whole frames, as latin1. */
function frameReader() {
  let pending = Buffer.alloc(0);
  return (bytes: Buffer): string[] => {
    const buffer = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
    const found: string[] = [];
    let at = 0;
    while (buffer.length - at >= 2) {
      const short = buffer[at + 1]! & 127;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (buffer.length - at < head) break;
      const size = short === 126 ? buffer.readUInt16BE(at + 2) : short === 127 ? Number(buffer.readBigUInt64BE(at + 2)) : short;
      if (buffer.length - at < head + size) break;
      found.push(buffer.toString("latin1", at + head, at + head + size));
      at += head + size;
    }
    pending = at === buffer.length ? Buffer.alloc(0) : Buffer.from(buffer.subarray(at));
    return found;
  };
}

/** Rejects when nobody listens. A refused upgrade gives a socket that is closed, or about to be. */
export async function openWire(url: string, kind: "ws" | "tcp"): Promise<Wire> {
  const { hostname, port, host } = new URL(url);
  const closed = Promise.withResolvers<void>();
  const upgraded = Promise.withResolvers<void>();
  const waiting = new Map<string, (text: string | undefined) => void>();
  const queue: Uint8Array[] = [];
  const read = frameReader();
  let isOpen = true;
  let head = kind === "ws" ? "" : undefined;

  const onClose = () => {
    if (!isOpen) return;
    isOpen = false;
    upgraded.resolve();
    closed.resolve();
    for (const resolve of waiting.values()) resolve(undefined);
    waiting.clear();
  };
  const onFrames = (bytes: Buffer) => {
    for (const text of read(bytes)) {
      for (const [part, resolve] of waiting) {
        if (!text.includes(part)) continue;
        waiting.delete(part);
        resolve(text);
      }
    }
  };
  const tcp = await Bun.connect({
    hostname,
    port: Number(port),
    allowHalfOpen: true,
    socket: {
      data(_, bytes) {
        if (kind === "tcp") return;
        if (head === undefined) return onFrames(bytes as Buffer);
        head += bytes.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end === -1) return;
        const rest = head.slice(end + 4);
        head = undefined;
        upgraded.resolve();
        if (rest !== "") onFrames(Buffer.from(rest, "latin1"));
      },
      drain(socket) {
        for (let bytes = queue[0]; bytes !== undefined; bytes = queue[0]) {
          const written = Math.max(0, socket.write(bytes));
          if (written < bytes.length) {
            queue[0] = bytes.subarray(written);
            return;
          }
          queue.shift();
        }
      },
      end(socket) {
        socket.end();
      },
      close: onClose,
      error: onClose,
    },
  });
  const write = (bytes: Uint8Array) => {
    if (!isOpen) return;
    const written = queue.length > 0 ? 0 : Math.max(0, tcp.write(bytes));
    if (written < bytes.length) queue.push(bytes.subarray(written));
  };
  if (kind === "ws") {
    write(Buffer.from(upgrade(host)));
    await upgraded.promise;
  }
  return {
    closed: closed.promise,
    get isOpen() {
      return isOpen;
    },
    text: (text) => write(frameOf(Buffer.from(text))),
    bytes: write,
    heard(part) {
      if (!isOpen) return Promise.resolve(undefined);
      return new Promise((resolve) => void waiting.set(part, resolve));
    },
    end(how) {
      if (how === "half") tcp.shutdown();
      else if (how === "reset") tcp.terminate();
      else tcp.end();
    },
  };
}

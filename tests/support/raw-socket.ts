/** A WebSocket of bare bytes, for what no client library lets one do: stop reading, send half a frame, answer no ping. */
import { connect, type Socket } from "node:net";

interface RawSocket {
  /** The server's answer to the upgrade. */
  readonly upgrade: string;
  /** What came after the upgrade and has been read. */
  received(): Buffer;
  /** Resolves once what came matches. */
  until(matches: (received: Buffer) => boolean): Promise<void>;
  send(text: string): void;
  write(bytes: Uint8Array): void;
  /** Stops reading, so that the server's sends pile up. */
  pause(): void;
  readonly closed: Promise<void>;
  destroy(): void;
}

/** A masked text frame, final unless told otherwise. */
export function frameOf(payload: Uint8Array, { opcode = 1, final = true }: { opcode?: number; final?: boolean } = {}): Buffer {
  const mask = crypto.getRandomValues(new Uint8Array(4));
  const { length } = payload;
  const size = length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127, 0, 0, 0, 0, ...sizeBytes(length)];
  const head = Buffer.from([(final ? 128 : 0) | opcode, size[0]! | 128, ...size.slice(1), ...mask]);
  return Buffer.concat([head, Buffer.from(payload.map((byte, index) => byte ^ mask[index & 3]!))]);
}

const sizeBytes = (length: number) => [length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];

export async function openRawSocket(url: string, headers: readonly string[] = []): Promise<RawSocket> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  const closed = new Promise<void>((resolve) => void socket.once("close", () => resolve()));
  socket.on("error", () => undefined); // silent-ok: a reset is what some of these tests provoke; `closed` tells
  const lines = [
    "GET / HTTP/1.1",
    `Host: ${hostname}:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  let received = Buffer.alloc(0);
  const watchers = new Set<() => void>();
  socket.on("data", (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    for (const watcher of [...watchers]) watcher();
  });
  const until = (matches: (received: Buffer) => boolean) =>
    new Promise<void>((resolve, reject) => {
      const watcher = () => {
        if (!matches(received)) return;
        watchers.delete(watcher);
        resolve();
      };
      watchers.add(watcher);
      void closed.then(() => reject(new Error("the socket closed before the expected bytes came")));
      watcher();
    });
  await until((bytes) => bytes.includes("\r\n\r\n"));
  const end = received.indexOf("\r\n\r\n") + 4;
  const upgrade = received.subarray(0, end).toString();
  received = received.subarray(end);
  return {
    upgrade,
    received: () => received,
    until,
    send: (text) => void socket.write(frameOf(Buffer.from(text))),
    write: (bytes) => void socket.write(bytes),
    pause: () => void socket.pause(),
    closed,
    destroy: () => void socket.destroy(),
  };
}

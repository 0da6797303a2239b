/** A load of bare WebSocket frames, so cheap that the server is what is measured: requests are written ready-made, answers only counted. */
import { frameOf } from "../support/raw-socket.ts";

const handshakeDone = "\r\n\r\n";

export interface LoadSocket {
  /** Called with how many whole frames have arrived. */
  onFrames: (count: number) => void;
  onClose: () => void;
  write(bytes: Uint8Array): void;
  close(): void;
}

const ping = 9;
const pong = frameOf(Buffer.alloc(0), { opcode: 10 });

/** Counts the frames in a stream of unmasked ones, and tells of pings: who answers none is taken to be gone. */
function frameCounter(pinged: () => void) {
  let pending = Buffer.alloc(0);
  return (bytes: Buffer): number => {
    const buffer = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
    let at = 0;
    let count = 0;
    while (buffer.length - at >= 2) {
      const short = buffer[at + 1]! & 127;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (buffer.length - at < head) break;
      const size = short === 126 ? buffer.readUInt16BE(at + 2) : short === 127 ? Number(buffer.readBigUInt64BE(at + 2)) : short;
      if (buffer.length - at < head + size) break;
      if ((buffer[at]! & 15) === ping) pinged();
      at += head + size;
      count++;
    }
    pending = at === buffer.length ? Buffer.alloc(0) : Buffer.from(buffer.subarray(at));
    return count;
  };
}

/** What a client sends that asks for nothing but to read and to write. */
export const helloFor = (token: string, scopes: readonly string[] = ["operator.read", "operator.write"]): string => {
  const client = { id: "cli", version: "1", platform: "linux", mode: "cli" };
  return JSON.stringify({
    type: "req",
    id: "c",
    method: "connect",
    params: { minProtocol: 4, maxProtocol: 4, client, scopes, auth: { token } },
  });
};

export async function openSockets(port: number, count: number, hello?: string): Promise<LoadSocket[]> {
  const sockets: LoadSocket[] = [];
  for (let n = 0; n < count; n++) sockets.push(await openLoadSocket(port, hello));
  return sockets;
}

/** Keeps so many requests open on every socket for a while; waits for the last answers. */
export async function loadFor(
  sockets: readonly LoadSocket[],
  request: { readonly method: string; readonly params: unknown },
  depth: number,
  seconds: number,
): Promise<{ readonly answered: number; readonly tookMs: number }> {
  const frame = frameOf(Buffer.from(JSON.stringify({ type: "req", id: "1:0123456789abcdef", ...request })));
  const many = Buffer.concat(Array.from({ length: depth }, () => frame));
  let answered = 0;
  let open = 0;
  let stopping = false;
  const { promise: quiet, resolve } = Promise.withResolvers<void>();
  const began = performance.now();
  for (const socket of sockets) {
    socket.onFrames = (count) => {
      answered += count;
      if (!stopping) return socket.write(many.subarray(0, count * frame.length));
      open -= count;
      if (open <= 0) resolve();
    };
    open += depth;
    socket.write(many);
  }
  await Bun.sleep(seconds * 1_000);
  stopping = true;
  await quiet;
  const tookMs = performance.now() - began;
  for (const socket of sockets) socket.onFrames = () => {};
  return { answered, tookMs };
}

/** Opens a socket; when `hello` is given, sends it as the first frame and waits for `hello-ok`. */
async function openLoadSocket(port: number, hello?: string): Promise<LoadSocket> {
  const ready = Promise.withResolvers<void>();
  const count = frameCounter(() => load.write(pong));
  let phase: "upgrade" | "hello" | "open" = "upgrade";
  let text = "";
  const queue: Uint8Array[] = [];
  const tcp = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, bytes) {
        if (phase === "open") {
          const frames = count(bytes as Buffer);
          if (frames > 0) load.onFrames(frames);
          return;
        }
        text += bytes.toString("latin1");
        if (phase === "upgrade" && text.includes(handshakeDone)) {
          phase = hello === undefined ? "open" : "hello";
          if (hello === undefined) ready.resolve();
          else load.write(frameOf(Buffer.from(hello)));
        }
        // Two pushes follow the hello; nothing is counted before they are here.
        if (phase === "hello" && text.includes("hello-ok") && text.includes('"event":"health"')) {
          phase = "open";
          ready.resolve();
        }
      },
      close: () => load.onClose(),
      drain(socket) {
        while (queue.length > 0) {
          const bytes = queue[0]!;
          const written = socket.write(bytes);
          if (written < bytes.length) {
            queue[0] = bytes.subarray(Math.max(0, written));
            return;
          }
          queue.shift();
        }
      },
    },
  });
  const load: LoadSocket = {
    onFrames: () => {},
    onClose: () => {},
    write(bytes) {
      const written = queue.length > 0 ? 0 : Math.max(0, tcp.write(bytes));
      if (written < bytes.length) queue.push(bytes.subarray(written));
    },
    close: () => tcp.end(),
  };
  const lines = ["GET / HTTP/1.1", "Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
  tcp.write(`${[...lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="].join("\r\n")}${handshakeDone}`);
  await ready.promise;
  return load;
}

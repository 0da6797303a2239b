/**
 * HTTP over bare sockets on loopback, for scripted vendors: only so can a test cut a stream in the middle of a character, reset a
 * connection, and see the moment in which a client goes away.
 */
import type { Socket } from "bun";

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
  /** Resolves when the client goes away before the answer's end. */
  readonly left: Promise<void>;
  /** Answers whole. */
  send(status: number, body: string, headers?: Readonly<Record<string, string>>): void;
  /** Begins an answer that `write` continues. */
  begin(status: number, headers: Readonly<Record<string, string>>): void;
  /** Resolves once the piece was handed to the system, and the event loop had a turn to send it on its own. */
  write(piece: Uint8Array): Promise<void>;
  end(): void;
  /** Ends the connection in the middle of the answer; what was written arrives. */
  breakOff(): void;
  /** Cuts the connection; what was written may be lost on the way. */
  reset(): void;
  /**
   * Hands the request on as it came, and what follows in either direction, as a WebSocket needs it. Resolves once the connection is over; `answered`
   * is awaited before the first bytes of the other side are shown.
   */
  tunnel(to: URL, answered: () => Promise<unknown> | undefined): Promise<void>;
}

interface Connection {
  unread: Buffer;
  unsent: Buffer;
  readonly drained: (() => void)[];
  ended: boolean;
  leave: () => void;
  /** Where bytes go that are no request of their own. */
  forward: ((bytes: Uint8Array) => void) | undefined;
}

export interface HttpServer extends AsyncDisposable {
  readonly origin: string;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export function serveHttp(handle: (exchange: Exchange) => Promise<void> | void): HttpServer {
  const open = new Set<Socket<Connection>>();
  const listener = Bun.listen<Connection>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        open.add(socket);
        socket.data = {
          unread: Buffer.alloc(0),
          unsent: Buffer.alloc(0),
          drained: [],
          ended: false,
          leave: () => undefined,
          forward: undefined,
        };
      },
      data(socket, bytes) {
        if (socket.data.forward) return socket.data.forward(bytes);
        socket.data.unread = Buffer.concat([socket.data.unread, bytes]);
        const request = takeRequest(socket.data);
        if (request) void handle(exchangeOn(socket, request));
      },
      drain(socket) {
        flush(socket);
      },
      close(socket) {
        open.delete(socket);
        // A tunnel ends at its other side too when it is cut here.
        if (!socket.data.ended || socket.data.forward) socket.data.leave();
        for (const resolve of socket.data.drained.splice(0)) resolve();
      },
      error() {
        // silent-ok: `close` follows and tells whoever waits
      },
    },
  });
  return {
    origin: `http://127.0.0.1:${listener.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.terminate();
      listener.stop(true);
    },
  };
}

function flush(socket: Socket<Connection>): void {
  const { data } = socket;
  if (data.unsent.length > 0) data.unsent = data.unsent.subarray(socket.write(data.unsent));
  if (data.unsent.length > 0) return;
  for (const resolve of data.drained.splice(0)) resolve();
  if (data.ended) socket.end();
}

type Request = Pick<Exchange, "method" | "path" | "headers" | "body"> & { readonly head: Uint8Array };

function takeRequest(connection: Connection): Request | undefined {
  const headEnd = connection.unread.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [first = "", ...lines] = connection.unread.subarray(0, headEnd).toString("latin1").split("\r\n");
  const headers = new Headers(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const length = Number(headers.get("content-length") ?? 0);
  const bodyStart = headEnd + 4;
  if (connection.unread.length < bodyStart + length) return undefined;
  const body = connection.unread.subarray(bodyStart, bodyStart + length).toString("utf8");
  const head = connection.unread.subarray(0, bodyStart);
  connection.unread = Buffer.alloc(0);
  const [method = "", path = ""] = first.split(" ");
  return { method, path, headers, body, head };
}

function exchangeOn(socket: Socket<Connection>, request: Request): Exchange {
  const { data } = socket;
  const left = Promise.withResolvers<void>();
  data.leave = left.resolve;
  const put = (bytes: Uint8Array | string): Promise<void> => {
    data.unsent = Buffer.concat([data.unsent, Buffer.from(bytes as Uint8Array)]);
    const sent = new Promise<void>((resolve) => void data.drained.push(resolve));
    flush(socket);
    return sent;
  };
  const head = (status: number, headers: Readonly<Record<string, string>>) =>
    `HTTP/1.1 ${status} Scripted\r\n${Object.entries({ ...headers, connection: "close" })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("")}\r\n`;
  return {
    ...request,
    left: left.promise,
    send(status, body, headers = { "content-type": "application/json" }) {
      data.ended = true;
      void put(head(status, { ...headers, "content-length": String(Buffer.byteLength(body)) }) + body);
    },
    begin(status, headers) {
      void put(head(status, { ...headers, "transfer-encoding": "chunked" }));
    },
    async write(piece) {
      await put(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]));
      await turn();
    },
    end() {
      data.ended = true;
      void put("0\r\n\r\n");
    },
    breakOff() {
      data.ended = true;
      flush(socket);
    },
    reset() {
      data.ended = true;
      socket.terminate();
    },
    async tunnel(to, answered) {
      const over = Promise.withResolvers<void>();
      let shown = Promise.resolve();
      let isFirst = true;
      let unsent: Uint8Array = request.head;
      const pass = (other: Socket) => {
        if (unsent.length > 0) unsent = unsent.subarray(Math.max(0, other.write(unsent)));
      };
      const other = await Bun.connect({
        hostname: to.hostname,
        port: Number(to.port),
        socket: {
          open: pass,
          drain: pass,
          data(_other, bytes) {
            const piece = Buffer.from(bytes);
            const gate = isFirst ? answered() : undefined;
            isFirst = false;
            shown = shown.then(() => gate).then(() => void put(piece));
          },
          close: () => over.resolve(),
          error() {
            // silent-ok: `close` follows
          },
        },
      });
      data.forward = (bytes) => {
        unsent = Buffer.concat([unsent, bytes]);
        pass(other);
      };
      await Promise.race([over.promise, left.promise]);
      await shown;
      other.terminate();
      data.ended = true;
      flush(socket);
      socket.end();
    },
  };
}

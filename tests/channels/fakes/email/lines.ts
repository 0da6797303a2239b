/** One connection of a client that speaks in lines, some of which are followed by a number of bytes. */
import { createServer, type Server, type Socket } from "node:net";

export interface Client {
  write(text: string): void;
  end(text?: string): void;
  /** The next so many bytes are taken whole, then lines again. */
  bytes(count: number, take: (text: string) => void): void;
}

export interface Listener {
  /** A line without its end. */
  line(text: string): void;
  closed?(): void;
}

/** Text is bytes, a character each. */
export async function listenForLines(greet: (client: Client) => Listener): Promise<Server & { readonly sockets: ReadonlySet<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let rest = "";
    let wanted: { readonly count: number; readonly take: (text: string) => void } | undefined;
    socket.setEncoding("latin1");
    socket.on("error", () => undefined);
    const listener = greet({
      write: (text) => void (socket.writable && socket.write(text, "latin1")),
      end: (text = "") => void socket.end(text, "latin1"),
      bytes(count, take) {
        wanted = { count, take };
      },
    });
    socket.on("data", (text: string) => {
      rest += text;
      for (;;) {
        if (wanted) {
          const { count, take } = wanted;
          if (rest.length < count) return;
          wanted = undefined;
          const bytes = rest.slice(0, count);
          rest = rest.slice(count);
          take(bytes);
          continue;
        }
        const end = rest.indexOf("\r\n");
        if (end < 0) return;
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        listener.line(line);
      }
    });
    socket.on("close", () => {
      sockets.delete(socket);
      listener.closed?.();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(server, { sockets });
}

export const portOf = (server: Server): number => (server.address() as { readonly port: number }).port;

export async function stopListening(server: Server & { readonly sockets: ReadonlySet<Socket> }): Promise<void> {
  for (const socket of server.sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}

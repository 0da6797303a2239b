/** Where servers are on this machine: their programs, free ports, and ports where somebody answers. */
import { connect, createServer } from "node:net";

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Resolves once somebody listens there, and says something of its own accord. */
export async function greeted(port: number, isGone: () => string | undefined): Promise<void> {
  for (;;) {
    const gone = isGone();
    if (gone !== undefined) throw new Error(gone);
    const heard = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("data", () => {
        resolve(true);
        socket.destroy();
      });
      socket.once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
    });
    if (heard) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Surroundings in which the programs of servers are found, where Debian puts them. */
export const withServers = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` };

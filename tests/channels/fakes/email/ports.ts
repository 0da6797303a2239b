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
export async function greeted(port: number): Promise<void> {
  const greets = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("data", () => {
        resolve(true);
        socket.destroy();
      });
      socket.once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
    });
  while (!(await greets())) await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves once a program has said that, and reads on, so that it can say more; rejects with what it said when it ends before. */
export async function saying(stream: ReadableStream<Uint8Array<ArrayBuffer>>, words: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  void (async () => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      if (said.length < 10_000) said += text;
      if (said.includes(words)) resolve();
    }
    reject(new Error(`it has ended: ${said}`));
  })();
  await promise;
}

/** Surroundings in which the programs of servers are found, where Debian puts them. */
export const withServers = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` };

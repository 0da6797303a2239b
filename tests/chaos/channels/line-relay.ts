/** The way between a gateway and a server that is spoken to in lines, over which messages are lost and gateways die. */
import { connect, createServer, type Socket } from "node:net";
import type { At, ChaosChannel } from "./channel.ts";

interface Relay extends AsyncDisposable, Pick<ChaosChannel, "fail"> {
  readonly address: string;
}

interface RelayOptions {
  /** Host and port of the server. */
  readonly to: string;
  readonly at: At;
  /** Whether a line of the gateway's is a message. */
  readonly isSent: (line: string) => boolean;
  /** Asked before a message goes on; resolves once the server has it. */
  readonly taken: () => Promise<void>;
}

export async function startLineRelay({ to, at, isSent, taken }: RelayOptions): Promise<Relay> {
  const [host = "", port] = to.split(":");
  const faults: ("lost" | "unavailable")[] = [];
  const open = new Set<Socket>();

  function join(near: Socket): void {
    const far = connect(Number(port), host);
    const gone = new Promise((resolve) => far.on("close", resolve));
    let passing = Promise.resolve();
    let answering = Promise.resolve();
    let rest = "";

    async function pass(line: string): Promise<void> {
      if (!isSent(line)) return void far.write(`${line}\r\n`);
      await at("asked");
      const fault = faults.shift();
      if (fault === "unavailable") return void near.destroy();
      const { promise, resolve } = Promise.withResolvers<void>();
      answering = answering.then(() => promise);
      const isTaken = taken();
      far.write(`${line}\r\n`);
      await Promise.race([isTaken, gone]);
      await at("posted");
      if (fault === "lost") near.destroy();
      resolve();
    }

    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => open.delete(socket));
    }
    near.setEncoding("utf8");
    near.on("data", (text: string) => {
      const lines = (rest + text).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) passing = passing.then(() => pass(line));
    });
    far.on("data", (bytes) => {
      answering = answering.then(() => void near.write(bytes));
    });
    // What was on its way arrives.
    near.on("close", () => void passing.then(() => far.end()));
    far.on("close", () => void answering.then(() => near.end()));
  }

  const server = createServer(join);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const where = server.address();
  return {
    address: `127.0.0.1:${typeof where === "object" ? where?.port : 0}`,
    fail: (...next) => void faults.push(...next),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Somebody with a client: one connection to a server, whose lines can be waited for. */
import { connect } from "node:net";

export interface Person extends Disposable {
  readonly lines: readonly string[];
  write(line: string): void;
  say(target: string, text: string): void;
  /** The first line that matches, from that one on; waits for it. */
  heard(pattern: RegExp, from?: number): Promise<string>;
}

export function joinAs(nick: string, port: number): Person {
  const lines: string[] = [];
  const changes = new EventTarget();
  const socket = connect({ host: "127.0.0.1", port });
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    const parts = (rest + text).split("\r\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      if (line.startsWith("PING")) socket.write(`${line.replace("PING", "PONG")}\r\n`);
      lines.push(line);
    }
    changes.dispatchEvent(new Event("line"));
  });
  socket.on("error", () => undefined);
  const write = (line: string) => void socket.write(`${line}\r\n`);
  write(`NICK ${nick}`);
  write(`USER ${nick} 0 * :${nick}`);
  return {
    lines,
    write,
    say: (target, text) => write(`PRIVMSG ${target} :${text}`),
    async heard(pattern, from = 0) {
      for (;;) {
        const found = lines.slice(from).find((line) => pattern.test(line));
        if (found !== undefined) return found;
        await new Promise((resolve) => changes.addEventListener("line", resolve, { once: true }));
      }
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

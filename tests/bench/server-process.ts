/** A server of `servers.ts` in a process of its own, on the core of what is measured. */
import { join } from "node:path";
import { pinned } from "./machine.ts";
import type { Ask, Told } from "./servers.ts";

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
  ask(what: Ask["ask"], count?: number): Promise<Told>;
}

export async function startServer(kind: "bare" | "bus", env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const waiting: ((told: Told) => void)[] = [];
  const child = Bun.spawn([...pinned("measured"), process.execPath, join(import.meta.dir, "servers.ts"), kind], {
    ipc: (told: Told) => waiting.shift()?.(told),
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const { port, token } = JSON.parse(new TextDecoder().decode(value)) as { port: number; token: string };
  return {
    pid: child.pid,
    port,
    token,
    ask(what, count = 0) {
      const told = new Promise<Told>((resolve) => void waiting.push(resolve));
      child.send({ ask: what, count } satisfies Ask);
      return told;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

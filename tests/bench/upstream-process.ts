/** The scripted upstream in a process of its own, on the load's core, and what it takes to ask it directly. */
import { join } from "node:path";
import { pinned } from "./machine.ts";
import type { TurnTimes } from "./turn-client.ts";

interface Upstream extends AsyncDisposable {
  readonly origin: string;
  /** One answer, asked for without anything in between. */
  ask(message: string): Promise<TurnTimes>;
}

export async function startUpstream(port = 0): Promise<Upstream> {
  const child = Bun.spawn([...pinned("load"), process.execPath, join(import.meta.dir, "upstream.ts"), String(port)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const origin = `http://127.0.0.1:${(JSON.parse(new TextDecoder().decode(value)) as { port: number }).port}`;
  return {
    origin,
    async ask(message) {
      const sentAt = performance.now();
      const body = JSON.stringify({ model: "bench", stream: true, messages: [{ role: "user", content: message }] });
      const response = await fetch(`${origin}/v1/chat/completions`, { method: "POST", body });
      const accepted = performance.now() - sentAt;
      let first = 0;
      for await (const chunk of response.body!) if (first === 0 && chunk.length > 0) first = performance.now() - sentAt;
      return { accepted, first, final: performance.now() - sentAt };
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

/** Starts the gateway that is tried, and notices when it dies or says that something went wrong in it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Left, Started, TargetAsk, TargetMethod, TargetSettings, TargetTold } from "./target.ts";

export interface Target extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly methods: readonly TargetMethod[];
  /** What went wrong so far: errors in its log, exceptions, its end. */
  readonly faults: readonly string[];
  /** After a forced collection. */
  memory(): Promise<Left>;
  /** Puts its configuration back. */
  restore(): Promise<void>;
}

export async function startTarget(): Promise<Target> {
  const home = await mkdtemp(join(tmpdir(), "pincer-fuzz-"));
  const token = crypto.randomUUID();
  const faults: string[] = [];
  const waiting: PromiseWithResolvers<Left | undefined>[] = [];
  let stopping = false;
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "target.ts"), JSON.stringify({ home, token } satisfies TargetSettings)],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
      ipc(told: TargetTold) {
        if ("fault" in told) faults.push(told.fault);
        else waiting.shift()?.resolve("left" in told ? told.left : undefined);
      },
      onExit(_, code, signal) {
        if (stopping) return;
        faults.push(`the gateway ended: ${signal ?? code}`);
        for (const { reject } of waiting.splice(0)) reject(new Error(faults.at(-1)));
      },
    },
  );
  const { url, methods } = await firstLine(child.stdout);
  const ask = (what: TargetAsk) => {
    const answer = Promise.withResolvers<Left | undefined>();
    waiting.push(answer);
    child.send(what);
    return answer.promise;
  };
  return {
    url: url.replace(/^http/, "ws"),
    token,
    methods,
    faults,
    memory: async () => (await ask("memory"))!,
    restore: async () => void (await ask("restore")),
    async [Symbol.asyncDispose]() {
      stopping = true;
      child.kill("SIGTERM");
      await child.exited;
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<Started> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) return JSON.parse(text) as Started;
  }
  throw new Error("the gateway ended before it listened");
}

/** Starts a watched gateway, and notices when it dies or says that something went wrong in it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ask, Left, Started, Told, WatchedMethod, WatchedSettings } from "./watched-gateway.ts";

export interface WatchedProcess extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  readonly methods: readonly WatchedMethod[];
  /** What went wrong so far: errors in its log, exceptions, its end. */
  readonly faults: readonly string[];
  /** After a forced collection. */
  memory(): Promise<Left>;
  /** Puts its configuration back. */
  restore(): Promise<void>;
}

/** `config` needs no token and no port. */
export async function startWatched(settings: Omit<WatchedSettings, "home">): Promise<WatchedProcess> {
  const home = await mkdtemp(join(tmpdir(), "pincer-watched-"));
  const token = crypto.randomUUID();
  const faults: string[] = [];
  const waiting: PromiseWithResolvers<Left | undefined>[] = [];
  let stopping = false;
  const gateway = { ...(settings.config["gateway"] as object), port: 0, auth: { token } };
  const given: WatchedSettings = { ...settings, home, config: { ...settings.config, gateway } };
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "watched-gateway.ts"), JSON.stringify(given)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    ipc(told: Told) {
      if ("fault" in told) faults.push(told.fault);
      else waiting.shift()?.resolve("left" in told ? told.left : undefined);
    },
    onExit(_, code, signal) {
      if (stopping) return;
      faults.push(`the gateway ended: ${signal ?? code}`);
      for (const { reject } of waiting.splice(0)) reject(new Error(faults.at(-1)));
    },
  });
  const { url, methods } = await firstLine(child.stdout);
  const ask = (what: Ask) => {
    const answer = Promise.withResolvers<Left | undefined>();
    waiting.push(answer);
    child.send(what);
    return answer.promise;
  };
  return {
    pid: child.pid,
    url: url.replace(/^http/, "ws"),
    token,
    methods,
    faults,
    memory: async () => (await ask("memory"))!,
    restore: async () => void (await ask("restore")),
    async [Symbol.asyncDispose]() {
      // Everything that it has to say of its work comes before its answer to this.
      if (child.exitCode === null && child.signalCode === null) await ask("stop");
      stopping = true;
      child.kill();
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

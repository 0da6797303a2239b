/** One life of the victim: started, spoken to, ended. */
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { type Orders, victimPath, type Word } from "./victim.ts";

type LifeEnd = { readonly by: "SIGKILL" } | { readonly by: "itself"; readonly code: number | null; readonly stderr: string };

const patienceMs = 90_000;
const endedEarly = () => new Error("the gateway ended before it was idle");

export class Life {
  readonly spawnedAt = clock.now();
  readonly ended: Promise<LifeEnd>;
  /** Undefined when it ended before it was ready. */
  readonly ready: Promise<{ readonly url: string } | undefined>;
  readyMs: number | undefined;
  /** From its start until the first interrupted job went on. */
  resumedMs: number | undefined;
  refusal: Extract<Word, { say: "refused" }> | undefined;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #idle: PromiseWithResolvers<void>[] = [];
  #isOver = false;

  constructor(orders: Orders) {
    const child = Bun.spawn([process.execPath, victimPath, JSON.stringify(orders)], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
    this.#child = child;
    const ready = Promise.withResolvers<{ readonly url: string } | undefined>();
    this.ready = ready.promise;
    const stderr = new Response(child.stderr).text();
    const heard = this.#listen(ready.resolve);
    this.ended = child.exited.then(async (code) => {
      await heard;
      this.#isOver = true;
      ready.resolve(undefined);
      for (const { reject } of this.#idle) reject(endedEarly());
      return child.signalCode === "SIGKILL" ? { by: "SIGKILL" } : { by: "itself", code, stderr: await stderr };
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves when no work is left. Rejects when the gateway ends first, or does not come to rest. */
  async idle(): Promise<void> {
    if (this.#isOver) throw endedEarly();
    const settled = Promise.withResolvers<void>();
    settled.promise.catch(() => {}); // silent-ok: it is awaited below, once the question has gone out
    this.#idle.push(settled);
    try {
      this.#child.stdin.write("idle\n");
      await this.#child.stdin.flush();
    } catch {
      // silent-ok: it ends just now, which rejects below
    }
    using _late = clock.after(patienceMs, () => settled.reject(new Error(`work is left after ${patienceMs} ms`)));
    await settled.promise;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async stop(): Promise<LifeEnd> {
    this.#child.kill("SIGTERM");
    using _late = clock.after(patienceMs, () => this.#child.kill("SIGKILL"));
    return this.ended;
  }

  async #listen(ready: (at: { readonly url: string }) => void): Promise<void> {
    let rest = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const word = JSON.parse(line) as Word;
        if (word.say === "ready") {
          this.readyMs = word.at - this.spawnedAt;
          ready({ url: word.url });
        } else if (word.say === "resumed") this.resumedMs = word.at - this.spawnedAt;
        else if (word.say === "refused") this.refusal = word;
        else for (const { resolve } of this.#idle.splice(0)) resolve();
      }
    }
  }
}

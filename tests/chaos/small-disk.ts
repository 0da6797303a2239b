/**
 * A home on a disk of its own that is small enough to be full. The file is both ends of it: the keeper, which runs where the disk is mounted
 * and does what it is told by lines on stdin, and the hand that tells it.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandOf } from "@pincer/plugin-sdk/testing/needs";
import { fill, free } from "./ballast.ts";
import { type Orders, victimPath, type Word } from "./victim.ts";

type Order =
  | { readonly do: "start"; readonly orders: Orders; readonly config: unknown }
  | { readonly do: "kill" }
  | { readonly do: "stop" }
  | { readonly do: "fill" }
  | { readonly do: "free" }
  | { readonly do: "copy"; readonly to: string };
type Heard = Word | { readonly say: "done" } | { readonly say: "ended"; readonly code: number | null };

export class SmallDisk implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "pincer-disk-"));
  readonly home = join(this.folder, "disk", "home");
  readonly #keeper: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #heard: Heard[] = [];
  readonly #waiting = new Set<(word: Heard) => void>();

  constructor(bytes: number) {
    const disk = join(this.folder, "disk");
    mkdirSync(disk);
    const mount = [
      commandOf("bubblewrap") ?? "bwrap",
      "--die-with-parent",
      "--dev-bind",
      "/",
      "/",
      "--size",
      String(bytes),
      "--tmpfs",
      disk,
    ];
    this.#keeper = Bun.spawn([...mount, process.execPath, import.meta.path, this.home], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    void this.#listen();
  }

  /** Answers with what the gateway said first: that it is ready, or why not. `orders`: what else it is told. */
  async start(config: unknown, orders: Omit<Orders, "home"> = {}): Promise<Extract<Word, { say: "ready" | "refused" }>> {
    const from = this.#heard.length;
    await this.#tell({ do: "start", orders: { home: this.home, ...orders }, config });
    const said = await this.#until(({ say }) => say === "ready" || say === "refused" || say === "ended", from);
    if (said.say === "refused") await this.#until(({ say }) => say === "ended", from);
    if (said.say === "ready" || said.say === "refused") return said;
    throw new Error(`the gateway ended without a word: ${JSON.stringify(said)}`);
  }

  /** Resolves when the gateway has filled the disk itself, for the n-th time. */
  async filled(nth: number): Promise<void> {
    for (let from = 0; nth > 0; nth--) {
      const word = await this.#until(({ say }) => say === "full", from);
      from = this.#heard.indexOf(word) + 1;
    }
  }

  /** Leaves no byte free. */
  fill = () => this.#tell({ do: "fill" });
  free = () => this.#tell({ do: "free" });
  /** Copies the home to a folder outside. */
  copy = (to: string) => this.#tell({ do: "copy", to });

  async end(how: "kill" | "stop"): Promise<number | null> {
    const from = this.#heard.length;
    await this.#tell({ do: how });
    const ended = await this.#until(({ say }) => say === "ended", from);
    return ended.say === "ended" ? ended.code : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stdin.end();
    await this.#keeper.exited;
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #tell(order: Order): Promise<void> {
    const from = this.#heard.length;
    this.#keeper.stdin.write(`${JSON.stringify(order)}\n`);
    await this.#keeper.stdin.flush();
    await this.#until(({ say }) => say === "done", from);
  }

  #until(matches: (word: Heard) => boolean, from: number): Promise<Heard> {
    const there = this.#heard.slice(from).find(matches);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve, reject) => {
      const look = (word: Heard) => {
        if (!matches(word)) return;
        this.#waiting.delete(look);
        resolve(word);
      };
      this.#waiting.add(look);
      void this.#keeper.exited.then((code) => reject(new Error(`the keeper of the disk has ended (${code})`)));
    });
  }

  async #listen(): Promise<void> {
    let rest = "";
    for await (const chunk of this.#keeper.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const word = JSON.parse(line) as Heard;
        this.#heard.push(word);
        for (const look of [...this.#waiting]) look(word);
      }
    }
  }
}

if (import.meta.main) {
  const home = process.argv[2] ?? "";
  const say = (word: Heard) => void writeSync(1, `${JSON.stringify(word)}\n`);
  let gateway: Bun.Subprocess | undefined;
  for await (const line of console) {
    if (line === "") continue;
    const order = JSON.parse(line) as Order;
    if (order.do === "start") {
      if (!existsSync(home)) {
        mkdirSync(home, { mode: 0o700 });
        await Bun.write(join(home, "pincer.json5"), JSON.stringify(order.config), { mode: 0o600 });
      }
      gateway = Bun.spawn([process.execPath, victimPath, JSON.stringify(order.orders)], {
        stdin: "pipe",
        stdout: "inherit",
        stderr: "inherit",
      });
      void gateway.exited.then((code) => say({ say: "ended", code }));
    } else if (order.do === "kill" || order.do === "stop") gateway?.kill(order.do === "kill" ? "SIGKILL" : "SIGTERM");
    else if (order.do === "fill") fill(home);
    else if (order.do === "free") free(home);
    else cpSync(home, order.to, { recursive: true });
    say({ say: "done" });
  }
  gateway?.kill("SIGKILL");
  await gateway?.exited;
}

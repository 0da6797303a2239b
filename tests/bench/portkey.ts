/**
 * Portkey's gateway, another one with OpenAI's API in front of models: what it costs on the same machine. It is no dependency of ours: one
 * exact version is kept in a folder of its own, and left out of the bench where it cannot be had.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { pinned } from "./machine.ts";

const packageName = "@portkey-ai/gateway";
const version = "1.15.2";
const folder = join(dirname(dirname(import.meta.dir)), ".build", `portkey-${version}`);
const main = join(folder, "node_modules", packageName, "build", "start-server.js");
const readyMs = 15_000;
const lookMs = 50;

/** It listens on every interface, and has no word for another one. */
const onLoopback = `import { Server } from "node:net";
const { listen } = Server.prototype;
Server.prototype.listen = function (port, host, told) { return listen.call(this, port, "127.0.0.1", told ?? host); };`;

export interface Portkey extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** `undefined` where it cannot be had; then a line says why. */
export async function startPortkey(upstream: string): Promise<Portkey | undefined> {
  try {
    install();
    return await start(upstream);
  } catch (error) {
    console.log(`without ${packageName} ${version}: ${errorMessage(error)}`);
    return undefined;
  }
}

function install(): void {
  if (existsSync(main)) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: { [packageName]: version } }));
  const command = [process.execPath, "install", "--ignore-scripts", "--no-save", "--production"];
  const { exitCode, stderr } = Bun.spawnSync(command, { cwd: folder, stdout: "ignore", stderr: "pipe" });
  if (exitCode !== 0 || !existsSync(main)) throw new Error(`it could not be installed: ${stderr.toString().trim().slice(-200)}`);
}

async function start(upstream: string): Promise<Portkey> {
  const port = freePort();
  const runner = Bun.which("node");
  if (runner === null) throw new Error("it runs on Node, which is not here");
  const preload = `data:text/javascript,${encodeURIComponent(onLoopback)}`;
  const child = Bun.spawn([...pinned("measured"), runner, "--import", preload, main, `--port=${port}`, "--headless"], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", NODE_ENV: "production" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const origin = `http://127.0.0.1:${port}`;
  const dispose = async () => {
    child.kill();
    await child.exited;
  };
  for (const until = performance.now() + readyMs; ; await Bun.sleep(lookMs)) {
    const isReady = await fetch(origin).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) break;
    if (child.exitCode === null && performance.now() < until) continue;
    await dispose();
    throw new Error("it does not start here");
  }
  const headers = { authorization: "Bearer bench", "x-portkey-provider": "openai", "x-portkey-custom-host": `${upstream}/v1` };
  return { pid: child.pid, url: `${origin}/v1/chat/completions`, headers, [Symbol.asyncDispose]: dispose };
}

function freePort(): number {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  return server.port!;
}

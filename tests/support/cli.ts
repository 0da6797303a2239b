/** Runs `pincer` as people do: a process of its own, with a home and a free port of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const repository = dirname(dirname(import.meta.dir));
/** What people's commands run from: a bundle where `pincer test` has made one, else the source. */
export const main = process.env["PINCER_TEST_MAIN"] ?? join(repository, "kernel", "cli", "main.ts");

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliHome extends AsyncDisposable {
  readonly path: string;
  /** Arguments, and what is piped in. */
  pincer(
    words: readonly string[],
    options?: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Outcome>;
  /** As `pincer` with --json, parsed. */
  json<T = Record<string, unknown>>(words: readonly string[]): Promise<T>;
  readonly env: Readonly<Record<string, string>>;
  /** What to run, for a test that needs a process of its own. */
  readonly command: readonly string[];
}

/** Whatever runs in the home is stopped when it is disposed, and the home goes. */
export function createCliHome(more: Readonly<Record<string, string>> = {}): CliHome {
  const folder = mkdtempSync(join(tmpdir(), "pincer-cli-"));
  const path = join(folder, "home");
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, PINCER_HOME: path, PINCER_PORT: "0", NO_COLOR: "1", ...more };
  const command = [process.execPath, main];
  const pincer: CliHome["pincer"] = async (words, options = {}) => {
    const started = Bun.spawn([...command, ...words], {
      cwd: folder,
      env: { ...env, ...options.env },
      stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err, code] = await Promise.all([new Response(started.stdout).text(), new Response(started.stderr).text(), started.exited]);
    return { code, out, err };
  };
  return {
    path,
    env,
    command,
    pincer,
    async json(words) {
      const { out, err } = await pincer([...words, "--json"]);
      try {
        return JSON.parse(out);
      } catch {
        throw new Error(`pincer ${words.join(" ")} --json said: ${out}${err}`);
      }
    },
    async [Symbol.asyncDispose]() {
      await pincer(["stop", "--force"]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

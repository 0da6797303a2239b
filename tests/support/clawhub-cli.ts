/** The published `clawhub` program, as its users run it: with a home of its own, no account, and a registry that the test serves. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

interface Ran {
  readonly code: number;
  /** What it says, without what it animates. */
  readonly out: string;
}

export interface ClawHubCli extends Disposable {
  /** Where it keeps its skills and its lock. */
  readonly folder: string;
  run(...words: readonly string[]): Promise<Ran>;
  /** What it says; rejects when it fails. */
  succeed(...words: readonly string[]): Promise<string>;
}

const program = join(dirname(Bun.resolveSync("clawhub/package.json", import.meta.dir)), "bin", "clawdhub.js");

/** `runtime`: what to run it by. `env`: how it is told of the registry. */
export function clawHubCli(runtime: string, env: Readonly<Record<string, string>>): ClawHubCli {
  const folder = mkdtempSync(join(tmpdir(), "pincer-clawhub-"));
  const own = {
    ...{ HOME: folder, TMPDIR: folder, XDG_CONFIG_HOME: join(folder, ".config"), CLAWHUB_WORKDIR: folder, CLAWHUB_DISABLE_TELEMETRY: "1" },
    ...{ PATH: "/usr/bin:/bin", LANG: "C.UTF-8", NO_COLOR: "1", CI: "1", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  };
  const run = async (...words: readonly string[]): Promise<Ran> => {
    const started = Bun.spawn([runtime, program, "--no-input", ...words], {
      ...{ cwd: folder, env: { ...own, ...env }, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 100_000 },
    });
    const [out, err, code] = await Promise.all([new Response(started.stdout).text(), new Response(started.stderr).text(), started.exited]);
    return { code, out: Bun.stripANSI(out + err) };
  };
  return {
    folder,
    run,
    async succeed(...words) {
      const { code, out } = await run(...words);
      if (code !== 0) throw new Error(`clawhub ${words.join(" ")} ended with ${code}: ${out}`);
      return out;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

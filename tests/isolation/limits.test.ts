/** Children that take more than their share: what the kernel does not refuse them, whoever watches them ends. */
import { afterAll, describe, expect } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { tasksOf } from "../../plugin-host/sandbox/limits.ts";
import type { HogReport } from "./hog-launcher.ts";
import { hogs } from "./hogs.ts";
import { startLaunching, type User, users } from "./launching.ts";

const launching = startLaunching("", "hog-launcher");
afterAll(async () => (await launching)[Symbol.dispose]());

async function start(user: User, hog: keyof typeof hogs, holds = false) {
  const { command, env } = (await launching).command(user, "hog-launcher", { hog, holds });
  return Bun.spawn(command, { env, stdio: ["ignore", "pipe", "pipe"] });
}

async function run(user: User, hog: keyof typeof hogs): Promise<HogReport> {
  const launcher = await start(user, hog);
  const [said, complaint] = await Promise.all([new Response(launcher.stdout).text(), new Response(launcher.stderr).text()]);
  if (!said.includes("{")) throw new Error(`the launcher said nothing: ${complaint}`);
  return JSON.parse(said.split("\n").find((line) => line.startsWith("{"))!) as HogReport;
}
const KILLED = 137;

/** Who is dead and waits for an init to reap it runs no more. */
const runs = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
};

for (const user of users) {
  describe(`of a gateway that ${user} runs`, () => {
    testWith("bubblewrap")("memory that is asked for is refused above the limit and what the engine reserves", async () => {
      const { said, code } = await run(user, "memory");
      expect(said.at(-1)).toBeGreaterThan(100);
      expect(said.at(-1)).toBeLessThan(128 + 320);
      // Thrown, or the end of an engine that needed some for itself.
      expect([1, 132, 133, 134, 139]).toContain(code);
    });

    testWith("bubblewrap")("memory that the kernel would still give is seen, and the plugin ended", async () => {
      const { ended, code, left } = await run(user, "memory below what the kernel bounds");
      const [, used] = /^it uses (\d+) MB of memory, and may use 128$/.exec(String(ended)) ?? [];
      expect(Number(used)).toBeGreaterThanOrEqual(128);
      expect([code, left]).toEqual([KILLED, 0]);
    });

    testWith("bubblewrap")("files cannot be opened without end", async () => {
      const { said } = await run(user, "files");
      const [code, open] = said[0] as [string, number];
      expect(code).toBe("EMFILE");
      expect(open).toBeLessThan(64);
    });

    // A hundred that spin leave whoever watches them little of the processors.
    testWith("bubblewrap")(
      "a bomb of forks ends, with everything that it made",
      async () => {
        const { ended, code, left, most } = await run(user, "processes");
        expect(ended).toBe("it runs more than 4 processes");
        expect([code, left]).toEqual([KILLED, 0]);
        // Root is not bound by the kernel, and seen in time; others are bound.
        // Those that start it stand outside of the namespace that the bound counts.
        if (user !== "root") expect(most.tasks).toBeLessThanOrEqual(tasksOf(hogs.processes.limits) + 4);
      },
      120_000,
    );

    testWith("bubblewrap")("a bomb of threads ends too", async () => {
      const { code, most, left } = await run(user, "threads");
      expect(code).not.toBe(0);
      expect(most.tasks).toBeLessThanOrEqual(tasksOf(hogs.threads.limits));
      expect(left).toBe(0);
    });

    testWith("bubblewrap")("what spins in a process, a thread and a child is ended by one signal", async () => {
      expect(await run(user, "time")).toMatchObject({ said: ["spins"], code: KILLED, left: 0 });
    });

    testWith("bubblewrap")("what keeps to its limits ends by itself, with its own code", async () => {
      expect(await run(user, "nothing")).toMatchObject({ said: ["done"], code: 7 });
    });

    testWith("bubblewrap")("when the gateway dies, whatever it confined dies with it", async () => {
      const launcher = await start(user, "time", true);
      const { value } = await launcher.stdout.getReader().read();
      const { pids, base } = JSON.parse(new TextDecoder().decode(value)) as { readonly pids: readonly number[]; readonly base: string };
      expect(pids.length).toBeGreaterThanOrEqual(4);
      // Under setpriv the launcher is what was started: it became that.
      launcher.kill("SIGKILL");
      await launcher.exited;
      while (pids.some(runs)) await new Promise((resolve) => setImmediate(resolve));
      rmSync(base, { recursive: true });
    });
  });
}

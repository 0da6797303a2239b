/** Kills a plugin's own process, in the middle of what a test has begun. */
import { readFileSync } from "node:fs";
import { treeOf } from "../../plugin-host/sandbox/use.ts";
import type { TestGateway } from "./gateway.ts";

/** The process that runs the plugin's code: those that confine it stand above it. */
function ownProcess(started: number): number {
  for (const { pid } of treeOf(started)) {
    try {
      if (readFileSync(`/proc/${pid}/comm`, "latin1").trim() === "bun") return pid;
    } catch {
      // silent-ok: it has ended, or this system has no such file
    }
  }
  return started;
}

export const crashing =
  ({ gateway: { host }, lines, logged }: TestGateway, id: string) =>
  async (during?: () => Promise<unknown>): Promise<unknown> => {
    await host.activate(id);
    const { pid: started } = host.inspect(id);
    if (started === undefined) throw new Error(`${id} has no process to kill: start it with { mode: "process" }`);
    const pid = ownProcess(started);
    const seen = lines.length;
    process.kill(pid, "SIGSTOP");
    const begun = during?.().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    process.kill(pid, "SIGKILL");
    const [came] = await Promise.all([begun, logged("plugin.crashed", seen)]);
    if (came && "value" in came) throw new Error(`expected that its end would be told, came ${JSON.stringify(came.value)}`);
    return came?.error;
  };

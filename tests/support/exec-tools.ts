/** The exec tools over a workspace of their own, and a look at what runs on this machine. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyValueStore } from "@pincer/plugin-sdk";
import { createManualClock, type ManualClock } from "@pincer/plugin-sdk/testing/clock";
import { runTool, type ToolAnswer } from "@pincer/plugin-sdk/testing/run-tool";
import { Value } from "@sinclair/typebox/value";
import { Background } from "../../plugins/tools-exec/background.ts";
import { ExecConfig } from "../../plugins/tools-exec/config.ts";
import { provideExec } from "../../plugins/tools-exec/exec.ts";
import { provideProcess } from "../../plugins/tools-exec/process.ts";
import { createWorkspace, type TestWorkspace } from "./workspace.ts";

type Options = Parameters<typeof runTool>[3] & { readonly sessionKey?: string; readonly owner?: boolean };
type Run = (args: Record<string, unknown>, options?: Options) => Promise<ToolAnswer>;

export type ExecTools = TestWorkspace & {
  readonly exec: Run;
  readonly process: Run;
  readonly clock: ManualClock;
  readonly background: Background;
  readonly store: KeyValueStore;
  /** The same plugin after a reload: another generation over the same store. */
  reloaded(): Promise<ExecTools>;
};

function memoryStore(): KeyValueStore {
  const values = new Map<string, string>();
  return {
    get: async <T>(key: string) => (values.has(key) ? (JSON.parse(values.get(key)!) as T) : undefined),
    list: async <T>(prefix: string) =>
      [...values].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value: JSON.parse(value) as T })),
    async set(changes) {
      for (const [key, value] of Object.entries(changes)) {
        if (value === undefined) values.delete(key);
        else values.set(key, JSON.stringify(value));
      }
    },
  };
}

export async function startExecTools(
  settings: Partial<ExecConfig> = {},
  given?: { readonly workspace: TestWorkspace; readonly store: KeyValueStore },
): Promise<ExecTools> {
  const workspace = given?.workspace ?? (await createWorkspace());
  const store = given?.store ?? memoryStore();
  const clock = createManualClock();
  const config = Value.Default(ExecConfig, { progressMs: 1, ...settings }) as ExecConfig;
  const failed = (event: string, fields: unknown) => {
    throw new Error(`${event} ${JSON.stringify(fields)}`);
  };
  const background = new Background(store, clock, () => config, { warn: failed });
  const deps = { settings: () => config, clock, background };
  const [exec, steer] = [provideExec(deps), provideProcess(deps)];
  const run =
    (tool: typeof exec): Run =>
    (args, { sessionKey = "agent:main:main", owner = true, ...options } = {}) =>
      runTool(tool, args, { workspace: workspace.path, sessionKey, owner }, options);
  return {
    ...workspace,
    exec: run(exec),
    process: run(steer),
    clock,
    background,
    store,
    reloaded: () => startExecTools(settings, { workspace, store }),
    async [Symbol.asyncDispose]() {
      let isOver = false;
      const over = background.endAll("the test is over").finally(() => {
        isOver = true;
      });
      // A process that was asked to end before it had begun to run is killed once its time is over.
      while (!isOver) await clock.advance(config.killMs);
      await over;
      if (!given) await workspace[Symbol.asyncDispose]();
    },
  };
}

/** Command lines of living processes that hold this text. */
export async function alive(needle: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const lines = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(join("/proc", pid, "cmdline"), "utf8").catch(() => ""); // silent-ok: it has just ended
      return line.replaceAll("\0", " ").trim();
    }),
  );
  return lines.filter((line) => line.includes(needle));
}

/** Children of this process that ended and that nobody has waited for. */
export async function zombies(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(join("/proc", pid, "stat"), "latin1").catch(() => ""))); // silent-ok: it has just ended
  return stats.filter((stat) => stat.slice(stat.lastIndexOf(")") + 2).startsWith(`Z ${process.pid} `));
}

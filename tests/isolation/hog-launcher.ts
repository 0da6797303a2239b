/** Stands for a gateway that runs one hog, watches it, ends it when it takes more than its share, and sees to it that nothing is left. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findConfinement } from "../../plugin-host/sandbox/find.ts";
import { tasksOf } from "../../plugin-host/sandbox/limits.ts";
import { endAll, excessOf, treeOf, useOf } from "../../plugin-host/sandbox/use.ts";
import { type Hog, hogs } from "./hogs.ts";

export interface HogReport {
  /** What it said, line by line. */
  readonly said: readonly unknown[];
  /** Why it was ended. */
  readonly ended?: string;
  readonly code: number;
  /** The most that was seen of it. */
  readonly most: { readonly processes: number; readonly tasks: number; readonly memoryMb: number };
  /** Processes of it that outlived it, to be reaped or not. */
  readonly left: number;
}

const { hog: name, holds } = JSON.parse(process.argv.at(-1)!) as { readonly hog: keyof typeof hogs; readonly holds?: boolean };
const { source, isWatched, limits, exec = [] }: Hog = hogs[name];
const base = mkdtempSync("/var/tmp/hog-");
const folders = { run: join(base, "run"), data: join(base, "data") };
for (const folder of Object.values(folders)) mkdirSync(folder, { mode: 0o700 });
const entry = join(base, "entry.js");
writeFileSync(entry, source);
const found = await findConfinement();
if ("missing" in found) throw new Error(`${found.missing}: ${found.mend}`);
const nothing = { read: [], write: [], sockets: [], net: [] };
const { command, env } = await found.confine({ plugin: "hog", bun: process.execPath, entry, ...folders, ...nothing, exec, limits });
const child = Bun.spawn([...command], { env: { ...env }, stdio: ["ignore", "pipe", "inherit"] });

const seen = new Set<number>();
const most = { processes: 0, tasks: 0, memoryMb: 0 };
let ended: string | undefined;
let isOver = false;
void child.exited.then(() => {
  isOver = true;
});
const text: string[] = [];
const reading = (async () => {
  for await (const chunk of child.stdout) {
    text.push(new TextDecoder().decode(chunk));
    if (!isWatched && text.join("").includes("spins")) finish();
  }
})();
/** What there is of it, or enough of that, is written down just before, to see afterwards that it is gone. */
function finish(): void {
  for (const { pid } of treeOf(child.pid)) if (seen.add(pid).size >= 100) break;
  if (holds) return void console.log(JSON.stringify({ pids: [...seen], base }));
  endAll(child.pid);
}
/** As often as a gateway looks. */
const pause = () => new Promise((resolve) => AbortSignal.timeout(50).addEventListener("abort", resolve));
while (!isOver && isWatched) {
  // Bounded as a gateway's own look is: what counts all of a bomb is starved by it.
  const { processes, tasks, memoryBytes } = useOf(child.pid, 2 * tasksOf(limits));
  most.processes = Math.max(most.processes, processes);
  most.tasks = Math.max(most.tasks, tasks);
  most.memoryMb = Math.max(most.memoryMb, Math.round(memoryBytes / (1 << 20)));
  ended ??= excessOf(child.pid, limits);
  if (ended !== undefined && !isOver) finish();
  await pause();
}
const code = await child.exited;
await reading;
const left = () => [...seen].filter((pid) => existsSync(`/proc/${pid}`)).length;
// On a busy machine the dead are reaped late.
for (let looks = 400; left() > 0 && looks > 0; looks--) await pause();
const said = text.join("").split("\n").filter(Boolean);
const report: HogReport = {
  said: said.map((line) => JSON.parse(line)),
  ...(ended === undefined ? {} : { ended }),
  code,
  most,
  left: left(),
};
console.log(JSON.stringify(report));
rmSync(base, { recursive: true, force: true });

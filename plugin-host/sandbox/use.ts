/**
 * What no limit of the kernel bounds for all processes of a plugin together: their number where the gateway runs as root, whom `RLIMIT_NPROC`
 * does not bind, and the memory that they really use. Looked at from outside, through /proc; whoever takes more is ended.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Confinement } from "./confinement.ts";
import { tasksOf } from "./limits.ts";

interface Use {
  readonly processes: number;
  /** Threads, of which each process has several; what the kernel counts. */
  readonly tasks: number;
  readonly memoryBytes: number;
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // silent-ok: it has ended, or this system has no such file
  }
}

function tasksIn(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // silent-ok: it has ended
  }
}

const childrenOf = (pid: number, thread: string): readonly number[] =>
  read(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number);

const KB = 1024;

/** A process and all below it; what lost its parent is below the first process of the namespace. */
export function* treeOf(pid: number): Generator<{ readonly pid: number; readonly threads: readonly string[] }, void, void> {
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    // A child is listed under the thread that started it.
    const threads = tasksIn(next);
    yield { pid: next, threads };
    for (const thread of threads) open.push(...childrenOf(next, thread));
  }
}

/** Memory is what is not a file's: private pages, and shared ones, which count for each that maps them. Stops counting at `most` tasks. */
export function useOf(pid: number, most = Number.POSITIVE_INFINITY): Use {
  let [processes, tasks, memoryBytes] = [0, 0, 0];
  for (const { pid: each, threads } of treeOf(pid)) {
    const status = read(`/proc/${each}/status`);
    if (status === "") continue;
    processes += 1;
    tasks += threads.length;
    for (const [, amount] of status.matchAll(/^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$/gm)) memoryBytes += Number(amount) * KB;
    if (tasks > most) break;
  }
  return { processes, tasks, memoryBytes };
}

/** Linux counts processor time in hundredths of a second, whatever its own clock ticks at. */
const TICK_MS = 10;

/** Processor time of a process and all below it since they were started, in milliseconds; of those that have ended no more. */
export function cpuOf(pid: number): number {
  let ticks = 0;
  for (const { pid: each } of treeOf(pid)) {
    const stat = read(`/proc/${each}/stat`);
    // Behind the command's name, which may hold anything: the state comes first, user and system time are the 12th and 13th.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks * TICK_MS;
}

/** Undefined where it cannot be known: it has ended, or this system has no /proc. */
export function totalUseOf(pid: number): { readonly cpuMs: number; readonly memoryBytes: number } | undefined {
  const { processes, memoryBytes } = useOf(pid);
  return processes === 0 ? undefined : { cpuMs: cpuOf(pid), memoryBytes };
}

/** Everybody else goes first. */
export function yieldToOthers(pid: number): void {
  for (const { pid: each } of treeOf(pid)) {
    try {
      setPriority(each, 19);
    } catch {
      // silent-ok: it has ended meanwhile
    }
  }
}

/**
 * Ends a confined child and everything below it, at once. Ends the first process of its namespace, with which the kernel ends all others, and
 * not what started that: it would leave the first process to an init that may reap nobody, as in a container.
 */
export function endAll(pid: number): void {
  const first = tasksIn(pid).flatMap((thread) => childrenOf(pid, thread));
  for (const each of first.length > 0 ? first : [pid]) {
    try {
      process.kill(each, "SIGKILL");
    } catch {
      // silent-ok: it has ended meanwhile
    }
  }
}

/** The processes that start and reap a confined child, and are none of the plugin's. */
const OWN_PROCESSES = 2;

/** Undefined while it keeps to its limits. */
export function excessOf(pid: number, limits: Confinement["limits"]): string | undefined {
  const { memoryMb, processes } = limits;
  const use = useOf(pid, tasksOf(limits));
  const own = Math.max(0, use.processes - OWN_PROCESSES);
  if (use.tasks > tasksOf(limits) || own > processes) return `it runs more than ${processes} processes`;
  const usedMb = Math.ceil(use.memoryBytes / KB / KB);
  return usedMb > memoryMb ? `it uses ${usedMb} MB of memory, and may use ${memoryMb}` : undefined;
}

/** Looks every `everyMs`; `exceeded` is told once, and ends the process. */
export function watchUse(options: {
  /** Of the command that was started. */
  readonly pid: number;
  readonly limits: Confinement["limits"];
  readonly clock: Clock;
  readonly everyMs: number;
  exceeded(why: string): void;
}): Disposable {
  const { pid, limits, clock, everyMs, exceeded } = options;
  const looking = clock.every(everyMs, () => {
    const why = excessOf(pid, limits);
    if (why === undefined) return;
    looking[Symbol.dispose]();
    exceeded(why);
  });
  return looking;
}

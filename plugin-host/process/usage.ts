/** What a process and those below it use of the machine. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setPriority } from "node:os";

export interface Usage {
  readonly processes: number;
  /** Processor time since they were started, in milliseconds. */
  readonly cpuMs: number;
  /** Resident memory, in bytes. */
  readonly memoryBytes: number;
}

/** Linux counts processor time in hundredths of a second, whatever the kernel ticks at. */
const tickMs = 10;
const pageBytes = 4_096;

function below(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
    return [pid, ...children.flatMap(below)];
  } catch {
    return []; // silent-ok: it has ended, or this system has no such file
  }
}

async function one(pid: number): Promise<Omit<Usage, "processes">> {
  try {
    const [stat, statm] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8"), readFile(`/proc/${pid}/statm`, "utf8")]);
    // Behind the command's name, which may hold anything: state is the first field, user and system time the 12th and 13th.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs, memoryBytes: Number(statm.split(" ")[1]) * pageBytes };
  } catch {
    return { cpuMs: 0, memoryBytes: 0 }; // silent-ok: it ended while it was looked at
  }
}

/** Nothing where the system does not tell. */
export async function usageOf(pid: number): Promise<Usage> {
  const pids = below(pid);
  const all = await Promise.all(pids.map(one));
  const sum = (of: (usage: (typeof all)[number]) => number) => all.reduce((total, usage) => total + of(usage), 0);
  return { processes: pids.length, cpuMs: sum(({ cpuMs }) => cpuMs), memoryBytes: sum(({ memoryBytes }) => memoryBytes) };
}

/** Everybody else goes first. */
export function yieldToOthers(pid: number): void {
  for (const each of below(pid)) {
    try {
      setPriority(each, 19);
    } catch {
      // silent-ok: it has ended meanwhile
    }
  }
}

/**
 * The processes that belong to a command: those of its session, and those that left it but still carry its mark in their environment.
 * On systems without /proc only the process group is known.
 */
import { readdir, readFile } from "node:fs/promises";

const hasProc = process.platform === "linux";
const mostRounds = 50;
/** Some seconds, for a process that is as good as gone, or about to be another program, and has to wait for the system. */
const mostLooks = 50_000;
/** Of the system's own threads, which have no environment. */
const kernelThread = 0x200000;

interface Stat {
  readonly session: number;
  readonly isKernel: boolean;
}

const read = (pid: number, name: string) => readFile(`/proc/${pid}/${name}`, "latin1").catch(() => undefined); // silent-ok: it has ended, or is somebody else's

/** Undefined when it has ended. */
async function statOf(pid: number): Promise<Stat | undefined> {
  const stat = (await read(pid, "stat")) ?? "";
  const [state = "", , , session, , , flags] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return /^[ZX]?$/.test(state) ? undefined : { session: Number(session), isKernel: (Number(flags) & kernelThread) !== 0 };
}

/** While a process becomes another program, it shows neither environment nor arguments: what has been missed then would live on. */
async function environmentOf(pid: number): Promise<string> {
  for (let look = 0, empty = 0; look < mostLooks && empty < 3; look++) {
    const environment = await read(pid, "environ");
    if (environment !== "") return environment ?? "";
    if ((await read(pid, "cmdline")) !== "") empty += 1;
    else if ((await statOf(pid)) === undefined) break;
  }
  return "";
}

/**
 * Living processes of a command, without its supervisor. `mark` is a `NAME=value` that no other process has in its environment. Without a
 * supervisor, all that carry the mark.
 */
export async function membersOf(supervisor: number | undefined, mark: string): Promise<number[]> {
  if (!hasProc) return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      if (pid === supervisor || pid === process.pid) return [];
      const stat = await statOf(pid);
      if (stat === undefined || stat.isKernel) return [];
      return stat.session === supervisor || (await environmentOf(pid)).split("\0").includes(mark) ? [pid] : [];
    }),
  );
  return found.flat();
}

/** Sends a signal; a process or group that is gone, or has become another user's, is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!/^(ESRCH|EPERM)$/.test((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Kills what is left of a command until nothing is, also of one that forks as fast as it is killed. Answers with how many there were. */
export async function killMembers(supervisor: number, mark: string): Promise<number> {
  const seen = new Set<number>();
  // A process that starts another and ends while the list is read shows neither: only a second look that finds none says that there is none.
  for (let round = 0, empty = 0; round < mostRounds && empty < 2; round++) {
    const members = await membersOf(supervisor, mark);
    empty = members.length === 0 ? empty + 1 : 0;
    const areEnding = members.length > 0 && members.every((pid) => seen.has(pid));
    for (const pid of members) {
      seen.add(pid);
      signal(pid, "SIGKILL");
    }
    // On a busy machine a process that was killed may wait long for the processor on which it is to end.
    if (areEnding && (await Promise.all(members.map(hasEnded))).includes(false)) break;
  }
  return seen.size;
}

/** Waits for it. False when it does not. */
async function hasEnded(pid: number): Promise<boolean> {
  for (let look = 0; look < mostLooks; look++) if ((await statOf(pid)) === undefined) return true;
  return false;
}

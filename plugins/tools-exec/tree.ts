/**
 * The processes that belong to a command: those of its session, and those that left it but still carry its mark in their environment.
 * On systems without /proc only the process group is known.
 */
import { readdir, readFile } from "node:fs/promises";

const hasProc = process.platform === "linux";
const mostRounds = 50;

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
      try {
        const stat = await readFile(`/proc/${pid}/stat`, "latin1");
        const [state, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state === "Z" || state === "X") return [];
        if (Number(session) === supervisor) return [pid];
        return (await readFile(`/proc/${pid}/environ`, "latin1")).split("\0").includes(mark) ? [pid] : [];
      } catch {
        return []; // silent-ok: it has ended, or is somebody else's
      }
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
    for (const pid of members) {
      seen.add(pid);
      signal(pid, "SIGKILL");
    }
  }
  return seen.size;
}

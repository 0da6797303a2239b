/** The machine that is measured on: which core does what, and what a process costs. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, setPriority } from "node:os";

/** The gateway, or what it is compared with, has one core to itself; whatever puts load on it has the other. */
type Core = "measured" | "load" | "both";

const isReadable = process.platform === "linux";
const canPin = Bun.which("taskset") !== null && navigator.hardwareConcurrency > 1;
const numbers: Readonly<Record<Core, string>> = { measured: "0", load: "1", both: "0,1" };

/** What goes before a command that is to run on a core. */
export const pinned = (core: Core): readonly string[] => (canPin ? ["taskset", "-c", numbers[core]] : []);

/** Puts a process and its children to come on a core, and before whatever else the machine does, where that is allowed. */
export function takeCore(core: Core, pid: number): void {
  if (canPin) Bun.spawnSync(["taskset", "-a", "-p", "-c", numbers[core], String(pid)], { stdout: "ignore" });
  try {
    setPriority(pid, -15);
    // Linux weighs sessions before it weighs the processes in them.
    if (isReadable) writeFileSync(`/proc/${pid}/autogroup`, "-15");
  } catch {
    // silent-ok: only root may; the figures then hold as far as the machine is idle
  }
}

export const machine = () => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: navigator.hardwareConcurrency,
  pinned: canPin,
  bun: Bun.version,
  platform: `${process.platform}-${process.arch}`,
  loadAverage: Number(loadavg()[0]!.toFixed(2)),
});

/** Milliseconds of a core that a process has used, in steps of 10; `NaN` where the system does not say. */
export function cpuMs(pid: number): number {
  if (!isReadable) return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export interface Memory {
  /** Megabytes of 2^20 bytes. */
  readonly rss: number;
  readonly pss: number;
  readonly private: number;
}

/** `NaN` where the system does not say. */
export function memory(pid: number): Memory {
  if (!isReadable) return { rss: Number.NaN, pss: Number.NaN, private: Number.NaN };
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { rss: of("Rss"), pss: of("Pss"), private: of("Private_Clean") + of("Private_Dirty") };
}

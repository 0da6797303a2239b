/** What a manifest's limits come to for the kernel, which counts other things than people do. */
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import type { Confinement } from "./confinement.ts";

type Limits = Confinement["limits"];

const MB = 1024 * 1024;
/** Bun's engine reserves these before the first line of a plugin runs; by itself it would reserve six times a thousand, and run thirty times slower where it cannot. */
const RESERVED_MB = { jit: 128, structures: 128, arena: 64 };

/**
 * `RLIMIT_DATA` counts private writable memory that was asked for, used or not, of each process for itself: what the engine reserves, about
 * 270 MB with the environment below, comes on top. It makes a hog's allocations fail; that all processes of a plugin together keep to
 * `memoryMb` of what is really used is for whoever watches them (`use.ts`).
 */
export const dataBytes = ({ memoryMb }: Limits): number => (memoryMb + RESERVED_MB.jit + RESERVED_MB.structures + RESERVED_MB.arena) * MB;

/** `RLIMIT_NPROC` counts threads, and those that start and reap the child. */
export const tasksOf = ({ processes }: Limits): number => 4 + processes * (16 + 2 * availableParallelism());

/** A process makes 256 requests at a time by itself, which is not for all that ask a plugin; the launcher says the same of the gateway. */
export const manyRequests = { BUN_CONFIG_MAX_HTTP_REQUESTS: "4096" };

/** What Bun is told so that it lives within these limits, and looks for nothing of its own outside its bundle. */
const engineEnvironment: Readonly<Record<string, string>> = {
  ...manyRequests,
  BUN_BE_BUN: "1",
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
  BUN_JSC_jitMemoryReservationSize: String(RESERVED_MB.jit * MB),
  BUN_JSC_structureHeapSizeInKB: String(RESERVED_MB.structures * 1024),
  MIMALLOC_ARENA_RESERVE: String(RESERVED_MB.arena * 1024),
};

/** Everything that a plugin's process finds in its environment. `tmp` is the one folder that it may fill and that goes with it. */
export const environmentOf = ({ exec }: Pick<Confinement, "exec">, tmp: string): Readonly<Record<string, string>> => ({
  ...engineEnvironment,
  HOME: tmp,
  TMPDIR: tmp,
  TZ: Intl.DateTimeFormat().resolvedOptions().timeZone,
  ...(exec.length > 0 ? { PATH: [...new Set(exec.map(dirname))].join(":") } : {}),
});

/** A neutral folder, no file of the plugin's before its own code, and nothing fetched that its bundle does not hold. */
export const bunOptions: readonly string[] = ["--no-env-file", "--config=/dev/null", "--no-install"];

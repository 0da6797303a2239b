/** What a plugin may leave behind when it goes: timers, told with the line that set them, and processes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import type { Clock } from "../clock.ts";

interface WatchedClock {
  readonly clock: Clock;
  /** The timers that code of the folder set and that still wait. */
  left(): readonly string[];
}

/** In the repository and as a package, where this code lies deeper. */
let sdk = import.meta.dir;
while (!existsSync(join(sdk, "package.json"))) sdk = dirname(sdk);
const isOfTheSdk = (place: string) => place.startsWith(sdk + sep) && !place.startsWith(import.meta.dir + sep);
/** Those of `setter`, of `watch` and of the clock's function. */
const ownFrames = 3;

/** The same clock, which remembers the timers that are set by code of that folder. */
export function watchClock(clock: Clock, folder: string): WatchedClock {
  const waiting = new Set<string>();
  let count = 0;

  /** The place in the plugin's own code that asked for the timer, by itself or through the SDK. */
  const setter = (): string | undefined => {
    const places = (new Error().stack ?? "").split("\n").slice(1 + ownFrames);
    const asking = places.flatMap((line) => /\(?(\/[^\s()]+:\d+):\d+\)?$/.exec(line)?.[1] ?? []).find((place) => !isOfTheSdk(place));
    return asking?.startsWith(folder + sep) && !/[/\\]node_modules[/\\]|\.test\.tsx?:/.test(asking.slice(folder.length))
      ? asking
      : undefined;
  };
  /** Called when the timer has run or was taken back. */
  const watch = (what: string): (() => void) => {
    const place = setter();
    if (place === undefined) return () => undefined;
    const entry = `${what} set at ${relative(folder, place)} (${++count})`;
    waiting.add(entry);
    return () => void waiting.delete(entry);
  };

  return {
    left: () => [...waiting].map((entry) => entry.replace(/ \(\d+\)$/, "")),
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after(ms, run) {
        const gone = watch(`a timer of ${ms} ms`);
        const timer = clock.after(ms, () => {
          gone();
          run();
        });
        return {
          [Symbol.dispose]() {
            gone();
            timer[Symbol.dispose]();
          },
        };
      },
      every(ms, run) {
        const gone = watch(`a timer of every ${ms} ms`);
        const timer = clock.every(ms, run);
        return {
          [Symbol.dispose]() {
            gone();
            timer[Symbol.dispose]();
          },
        };
      },
      sleep: (ms, signal) => clock.sleep(ms, signal).finally(watch(`a sleep of ${ms} ms`)),
    },
  };
}

/** Processes that this one has started and that still run, where the system tells (Linux); pid and command. */
export function childProcesses(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const read = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return ""; // silent-ok: it has ended, or this system keeps no such file
    }
  };
  if (process.platform !== "linux") return found;
  for (const thread of readdirSync("/proc/self/task"))
    for (const pid of read(`/proc/self/task/${thread}/children`).split(" ").filter(Boolean)) {
      const isEnded = /^\d+ \(.*\) Z/s.test(read(`/proc/${pid}/stat`));
      if (!isEnded) found.set(pid, read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim());
    }
  return found;
}

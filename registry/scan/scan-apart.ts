/** A scan in a process of its own, which is ended when it takes too long: what comes may be made to keep whoever reads it busy. */
import { serialize } from "bun:jsc";
import type { ArchiveEntry } from "../archive/read.ts";
import type { SourceClock } from "../http-source.ts";
import type { Kind } from "../name.ts";
import type { Finding } from "./finding.ts";

/** In the source tree it is a file of its own; a bundle has it beside this code, as an entry point of its own. */
const scanner = `${import.meta.dir}/scanner.${import.meta.path.endsWith(".ts") ? "ts" : "js"}`;
/** For all that it keeps, Bun's own half a gigabyte included; twice what the worst archives took. Where the system has no such bound, there is none. */
const memoryKb = 2 ** 20;

export interface ScanApart {
  readonly seconds: number;
  readonly clock: SourceClock;
  /** Told when a scan ends for another reason than that its time was over. */
  readonly onFault: (error: unknown) => void;
  /** Ends it at once; then it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What `scanPackage` finds; where it has not come to its end, that is what was found. */
export async function scanApart(
  kind: Kind,
  files: readonly ArchiveEntry[],
  { seconds, clock, onFault, signal }: ScanApart,
): Promise<readonly Finding[]> {
  // Its own end, where whoever started it has died: of all threads together, and so more than the clock's.
  const bounds = `ulimit -c 0; ulimit -t ${Math.ceil(4 * seconds)}; ulimit -d ${memoryKb} 2>/dev/null; exec nice -n 10 "$@"`;
  const bun = [process.execPath, "--smol", "--no-env-file", "--config=/dev/null", scanner, kind];
  const child = Bun.spawn(["/bin/sh", "-c", bounds, "scan", ...bun], {
    cwd: "/",
    env: { BUN_BE_BUN: "1", PATH: "/usr/bin:/bin" },
    stdio: [serialize(files, { binaryType: "nodebuffer" }), "pipe", "pipe"],
  });
  const said = Promise.all([child.stdout, child.stderr].map((output) => new Response(output).text()));
  const over = new AbortController();
  const late = clock.sleep(seconds * 1000, signal ? AbortSignal.any([over.signal, signal]) : over.signal).then(
    () => "late" as const,
    () => "in time" as const,
  );
  const ended = await Promise.race([child.exited, late]);
  over.abort();
  child.kill("SIGKILL");
  const [found, wrong] = await said;
  signal?.throwIfAborted();
  if (ended === 0) return JSON.parse(found!) as Finding[];
  if (ended !== "late") onFault(new Error(`a scan ended with ${child.signalCode ?? ended}: ${wrong!.trim().slice(-2000)}`));
  const why = ended === "late" ? `in ${seconds} s` : "with the memory that a scan may have";
  return [
    {
      rule: "unscanned",
      severity: "high",
      file: kind === "plugins" ? "plugin.json" : "SKILL.md",
      line: 0,
      sentence: `the files of the package could not be looked through ${why}, so nobody knows what is in them`,
    },
  ];
}

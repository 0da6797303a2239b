/**
 * Looks for lines in texts. A regular expression can take for ever on a few words, and nothing in this process could stop it, not even the
 * end of a thread: it runs in a process of its own, which is killed when its time is over, and by the system if this one dies first.
 */
import type { Clock } from "@pincer/plugin-sdk/clock";

interface Match {
  readonly file: number;
  /** From 1. */
  readonly line: number;
  readonly text: string;
  /** Whether the line matches, or stands beside one that does. */
  readonly hit: boolean;
}

interface Query {
  readonly source: string;
  readonly flags: string;
  readonly context: number;
  readonly limit: number;
  readonly lineChars: number;
}

export interface Matcher extends AsyncDisposable {
  /** Undefined when the time is over; the matcher is then of no more use. */
  match(texts: readonly string[]): Promise<readonly Match[] | undefined>;
}

/** What the process runs. It is handed over as text, so that it refers to nothing around it. */
function runProcess(): void {
  let query: Query | undefined;
  process.on("disconnect", () => process.exit());
  process.on("message", (data: Query | readonly string[]) => {
    if (!Array.isArray(data)) {
      query = data as Query;
      return;
    }
    const { source, flags, context, limit, lineChars } = query!;
    const pattern = new RegExp(source, flags);
    const found: Match[] = [];
    let left = limit;
    for (const [file, text] of (data as readonly string[]).entries()) {
      const lines = text.split(/\r?\n/).map((line) => line.slice(0, lineChars));
      const hits = new Set<number>();
      for (let at = 0; at < lines.length && hits.size < left; at++) if (pattern.test(lines[at]!)) hits.add(at);
      left -= hits.size;
      let next = 0;
      for (const at of hits) {
        for (let line = Math.max(next, at - context); line <= Math.min(lines.length - 1, at + context); line++) {
          found.push({ file, line: line + 1, text: lines[line]!, hit: hits.has(line) });
          next = line + 1;
        }
      }
    }
    process.send?.(found);
  });
}

export function startMatcher(query: Query, clock: Clock, untilMs: number): Matcher {
  const cpuSeconds = Math.ceil((untilMs - clock.monotonic()) / 1_000) + 1;
  let waiting: PromiseWithResolvers<readonly Match[] | undefined> | undefined;
  let failure: Error | undefined;
  const bun = [process.execPath, "--smol", "--no-env-file", "--config=/dev/null", "-e", `(${runProcess.toString()})()`];
  const search = Bun.spawn(["/bin/sh", "-c", `ulimit -t ${cpuSeconds}; exec "$@"`, "search", ...bun], {
    cwd: "/",
    env: { BUN_BE_BUN: "1" },
    stdio: ["ignore", "ignore", "ignore"],
    ipc: (matches: readonly Match[]) => waiting?.resolve(matches),
  });
  search.exited.then((code) => {
    failure = new Error(`the search process ended with ${search.signalCode ?? code} before it answered`);
    waiting?.reject(failure);
  });
  search.send(query);
  return {
    async match(texts) {
      if (failure) throw failure;
      waiting = Promise.withResolvers();
      using _deadline = clock.after(Math.max(0, untilMs - clock.monotonic()), () => waiting?.resolve(undefined));
      search.send(texts);
      return await waiting.promise;
    },
    async [Symbol.asyncDispose]() {
      waiting?.resolve(undefined);
      search.kill("SIGKILL");
      await search.exited;
    },
  };
}

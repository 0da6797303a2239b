/** Runs one file under confinement to its end, and hears what it says. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Confine, Confinement } from "./confinement.ts";
import { endAll, watchUse } from "./watch.ts";

export interface Said {
  readonly said: string;
  readonly complaint: string;
  /** Null when it was ended, for what `ended` says. */
  readonly code: number | null;
  readonly ended: string | undefined;
}

/** More than a bundle has. */
const mostBytes = 64 * 2 ** 20;

/** @param write puts the file that is to run into a folder, and answers with its path. It is ended after `ms`. */
export async function runConfined(
  confine: Confine,
  what: Pick<Confinement, "plugin" | "read" | "net" | "limits">,
  { clock, ms, write }: { readonly clock: Clock; readonly ms: number; write(folder: string): Promise<string> },
): Promise<Said> {
  await using made = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "pincer-confined-"));
  made.defer(() => rm(folder, { recursive: true, force: true }));
  const [run, data] = [join(folder, "run"), join(folder, "data")];
  await Promise.all([run, data].map((path) => mkdir(path, { mode: 0o700 })));
  const given = { ...what, bun: process.execPath, entry: await write(folder), run, data, write: [], exec: [], sockets: [] };
  const { command, env } = await confine(given);
  const child = Bun.spawn([...command], { env: { ...env }, cwd: run, stdio: ["ignore", "pipe", "pipe"] });
  let ended: string | undefined;
  const end = (why: string) => {
    ended ??= why;
    endAll(child.pid);
  };
  made.use(clock.after(ms, () => end(`it took more than ${ms} ms`)));
  made.use(watchUse({ pid: child.pid, limits: what.limits, clock, everyMs: 100, exceeded: end }));
  const hear = async (stream: ReadableStream<Uint8Array>): Promise<string> => {
    const chunks: Uint8Array[] = [];
    let left = mostBytes;
    for await (const chunk of stream) {
      left -= chunk.length;
      if (left < 0) end(`it said more than ${mostBytes} bytes`);
      else chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  };
  const [said, complaint, code] = await Promise.all([hear(child.stdout), hear(child.stderr), child.exited]);
  return { said, complaint: complaint.trim(), code: ended === undefined ? code : null, ended };
}

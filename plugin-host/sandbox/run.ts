/** Runs one program under confinement to its end, and hears what it says. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Confine, Confinement } from "./confinement.ts";
import { endAll, watchUse } from "./use.ts";

/** More than a bundle has. */
const mostBytes = 64 * 2 ** 20;

/** `code` is undefined when it was ended, for what `complaint` says then: it took too long, said too much, or kept to no limits. */
export async function runConfined(
  confine: Confine,
  program: string,
  { clock, ms, ...what }: Pick<Confinement, "plugin" | "read" | "net" | "limits"> & { readonly clock: Clock; readonly ms: number },
): Promise<{ readonly said: string; readonly complaint: string; readonly code: number | undefined }> {
  await using made = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "pincer-confined-"));
  made.defer(() => rm(folder, { recursive: true, force: true }));
  const [run, data, entry] = [join(folder, "run"), join(folder, "data"), join(folder, "entry.ts")];
  for (const path of [run, data]) mkdirSync(path, { mode: 0o700 });
  writeFileSync(entry, program);
  const { command, env } = await confine({ ...what, bun: process.execPath, entry, run, data, write: [], exec: [], sockets: [] });
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
    return Buffer.concat(chunks).toString().trim();
  };
  const [said, complaint, code] = await Promise.all([hear(child.stdout), hear(child.stderr), child.exited]);
  return ended === undefined ? { said, complaint, code } : { said, complaint: ended, code: undefined };
}

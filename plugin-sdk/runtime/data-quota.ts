/** How much a plugin that nobody trusts may put into its folder of files: no system bounds that which its administrator has not told to. */
import { lstat, opendir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { namelessBytes } from "./nameless.ts";

const MB = 1024 * 1024;
/** What a file or folder takes beside what stands in it. */
const perEntry = 4_096;
/** Without anything that draws attention it is looked at so often, and looking may take this part of the time. */
const [lookMs, share] = [10_000, 20];

const unlessGone = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== "ENOENT") throw error;
};

/** Looked at no further than to `most`. Throws for what cannot be looked at. */
async function bytesIn(folder: string, most: number): Promise<number> {
  let bytes = 0;
  const open = [folder];
  for (let next = open.pop(); next !== undefined && bytes <= most; next = open.pop())
    for await (const entry of (await opendir(next).catch(unlessGone)) ?? []) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) open.push(path);
      bytes += perEntry + ((await lstat(path).catch(unlessGone))?.blocks ?? 0) * 512;
      if (bytes > most) break;
    }
  return bytes;
}

async function excess(folder: string, mostMb: number, tree: Tree = () => []): Promise<string | undefined> {
  const measured = async () => (await bytesIn(folder, mostMb * MB)) + (await namelessBytes(tree(), (await stat(folder)).dev));
  const bytes = await measured().catch(() => Number.POSITIVE_INFINITY); // what cannot be looked at can hide anything
  return bytes > mostMb * MB ? `its files take more than ${mostMb} MB (gateway.plugins.dataMb), or cannot be looked at` : undefined;
}

/** The processes that may write there. */
type Tree = () => Iterable<{ readonly pid: number }>;

/** Throws `PLUGIN_QUOTA`. */
export async function requireRoom(plugin: string, folder: string, mostMb: number): Promise<void> {
  const why = await excess(folder, mostMb);
  if (why) throw pluginErrors.PLUGIN_QUOTA(`${plugin} does not start: ${why}: remove some from ${folder}, or allow it more`);
}

/** Looks now and then, and when the disk has lost a part of what the plugin may take. `exceeded` ends it. */
export function watchData(
  folder: string,
  mostMb: number,
  {
    clock,
    everyMs,
    exceeded,
    tree,
  }: { readonly clock: Clock; readonly everyMs: number; exceeded(why: string): void; readonly tree?: Tree },
): Disposable {
  let [lookedAt, notBefore, isLooking] = [clock.monotonic(), 0, false];
  let freeThen: number | undefined;
  const look = async () => {
    const { bavail, bsize } = await statfs(folder);
    freeThen ??= bavail * bsize;
    const began = clock.monotonic();
    if (began - lookedAt < lookMs && freeThen - bavail * bsize < (mostMb * MB) / 4) return;
    const why = await excess(folder, mostMb, tree);
    [lookedAt, freeThen] = [clock.monotonic(), bavail * bsize];
    notBefore = lookedAt + (lookedAt - began) * share;
    if (why) exceeded(why);
  };
  return clock.every(everyMs, async () => {
    if (isLooking || clock.monotonic() < notBefore) return;
    isLooking = true;
    await look().catch((error) => exceeded(`its files cannot be looked at: ${error}`));
    isLooking = false;
  });
}

/** Files that have no name any more and are kept by who has them open, or mapped: what they take of a disk, no folder shows. */
import { readdir, readFile, stat } from "node:fs/promises";

const unlessGone = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== "ENOENT" && error.code !== "ESRCH") throw error;
};

/** As the kernel writes a device into a list of mappings. */
const written = (dev: number): string => {
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)];
  return [major, minor].map((part) => part.toString(16).padStart(2, "0")).join(":");
};

/** Of these processes on this device, in bytes. Rejects for what may be one and cannot be looked at. */
export async function namelessBytes(pids: Iterable<{ readonly pid: number }>, dev: number): Promise<number> {
  const known = new Map<number, number>();
  const look = async (path: string) => {
    const found = await stat(path).catch(unlessGone);
    if (found?.isFile() && found.dev === dev && found.nlink === 0) known.set(found.ino, found.blocks * 512);
  };
  for (const { pid } of pids) {
    const open = (await readdir(`/proc/${pid}/fd`).catch(unlessGone)) ?? [];
    for (const descriptor of open) await look(`/proc/${pid}/fd/${descriptor}`);
    const maps = (await readFile(`/proc/${pid}/maps`, "latin1").catch(unlessGone)) ?? "";
    for (const [, range, on, inode] of maps.matchAll(/^(\S+) \S+ \S+ (\S+) (\d+) .* \(deleted\)$/gm)) {
      if (known.has(Number(inode))) continue;
      // Only root may look at what is mapped; to others it is of this device when the list says so.
      await look(`/proc/${pid}/map_files/${range}`).catch((error) => {
        if (on === written(dev)) throw error;
      });
    }
  }
  return known.values().reduce((sum, bytes) => sum + bytes, 0);
}

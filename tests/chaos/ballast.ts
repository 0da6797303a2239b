/** What fills a small disk to its last byte: a file beside the home. */
import { closeSync, existsSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const ballast = (home: string) => join(home, "..", "ballast");

export const isFull = (home: string): boolean => existsSync(ballast(home));
export const free = (home: string): void => rmSync(ballast(home), { force: true });

export function fill(home: string): void {
  const file = openSync(ballast(home), "a");
  for (let bytes = 1 << 20; bytes > 0; ) {
    try {
      writeSync(file, new Uint8Array(bytes));
    } catch {
      bytes >>= 1; // silent-ok: that much does not fit any more
    }
  }
  closeSync(file);
}

/** Files that only their owner may read, written in one step: a crash leaves the old text or the new. Durable when it has resolved. */
import { existsSync, realpathSync } from "node:fs";
import { link, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Follows a link, so that the file may live among dotfiles. */
export const replaceFile = (path: string, text: string): Promise<void> => place(existsSync(path) ? realpathSync(path) : path, text, rename);

/** Leaves a file alone that another process made meanwhile: a link, unlike a rename, never replaces. */
export const makeFile = (path: string, text: string): Promise<void> =>
  place(path, text, link).catch((error) => {
    if (error.code !== "EEXIST") throw error;
  });

async function place(target: string, text: string, put: (draft: string, target: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const draft = join(dirname(target), `.${basename(target)}.${process.pid}.${crypto.randomUUID().slice(0, 8)}`);
  try {
    await using file = await open(draft, "wx", 0o600);
    await file.writeFile(text);
    await file.sync();
    await put(draft, target);
  } finally {
    await rm(draft, { force: true });
  }
  await using folder = await open(dirname(target), "r");
  await folder.sync();
}

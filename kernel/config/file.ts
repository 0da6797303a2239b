/** The configuration's file on disk: read with a bound, replaced in one step, readable by the owner alone. */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { configErrors } from "@pincer/plugin-sdk/contracts/configuration";
import { errorMessage } from "@pincer/plugin-sdk/error";

export const sizeLimit = 1024 * 1024;

/** `undefined` when there is none. Throws `CONFIG_INVALID` when it cannot be read or is larger than 1 MiB. */
export function readText(path: string): string | undefined {
  try {
    if (!existsSync(path)) return undefined;
    if (statSync(path).size <= sizeLimit) return readFileSync(path, "utf8");
  } catch (error) {
    throw configErrors.CONFIG_INVALID(`${path} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
  throw configErrors.CONFIG_INVALID(`${path} is larger than 1 MiB`);
}

/** Another one whenever the file was written, replaced or removed. */
export async function fingerprint(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined); // silent-ok: no file is a state like others
  return found ? `${found.ino} ${found.size} ${found.mtimeMs}` : "none";
}

/** Durable when it resolves; a crash leaves the old text or the new. Follows a link, so that the file may live among dotfiles. */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const target = existsSync(path) ? realpathSync(path) : path;
    const draft = join(dirname(target), `.${basename(target)}.${process.pid}.${crypto.randomUUID().slice(0, 8)}`);
    try {
      const file = await open(draft, "wx", 0o600);
      await file
        .writeFile(text)
        .then(() => file.sync())
        .finally(() => file.close());
      await rename(draft, target);
    } finally {
      await rm(draft, { force: true });
    }
    const folder = await open(dirname(target), "r");
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    throw configErrors.CONFIG_WRITE_FAILED(`${path} could not be written: ${errorMessage(error)}`, { cause: error });
  }
}

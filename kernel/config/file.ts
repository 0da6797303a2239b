/** The configuration's file on disk: read with a bound, replaced in one step, readable by the owner alone. */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type ConfigIssue, configErrors } from "@pincer/plugin-sdk/contracts/configuration";
import { errorMessage } from "@pincer/plugin-sdk/error";

export const sizeLimit = 1024 * 1024;

export interface FileText {
  /** `undefined` when there is none. */
  readonly text: string | undefined;
  /** Why it cannot be read. */
  readonly problem?: ConfigIssue;
}

export function readText(path: string): FileText {
  const failed = (message: string): FileText => ({ text: undefined, problem: { level: "error", path: "", message } });
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found && found.size > sizeLimit) return failed(`${path} is larger than 1 MiB`);
    return { text: found && readFileSync(path, "utf8") };
  } catch (error) {
    return failed(`${path} cannot be read: ${errorMessage(error)}`);
  }
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

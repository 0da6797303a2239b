/** The configuration's file on disk, read with a bound. */
import { readFileSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { errorMessage } from "@pincer/plugin-sdk/error";

export const sizeLimit = 1024 * 1024;

export interface FileText {
  /** `undefined` when there is none. */
  readonly text: string | undefined;
  /** Why it cannot be read. */
  readonly problem?: string;
}

export function readText(path: string): FileText {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found && found.size > sizeLimit) return { text: undefined, problem: `${path} is larger than 1 MiB` };
    return { text: found && readFileSync(path, "utf8") };
  } catch (error) {
    return { text: undefined, problem: `${path} cannot be read: ${errorMessage(error)}` };
  }
}

/** Another one whenever the file was written, replaced or removed. */
export async function fingerprint(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined); // silent-ok: no file is a state like others
  return found ? `${found.ino} ${found.size} ${found.mtimeMs}` : "none";
}

/** The configuration's file on disk: read with a bound, replaced in one step, readable by the owner alone. */
import { readFileSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { type ConfigIssue, configErrors } from "@pincer/plugin-sdk/contracts/configuration";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { replaceFile } from "../private-file.ts";

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

export const writeText = (path: string, text: string): Promise<void> =>
  replaceFile(path, text).catch((error) => {
    throw configErrors.CONFIG_WRITE_FAILED(`${path} could not be written: ${errorMessage(error)}`, { cause: error });
  });

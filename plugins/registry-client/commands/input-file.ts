/** Files that a command is told of. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { systemErrorWords } from "@pincer/plugin-sdk/command/system-error";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { clientErrors } from "../errors.ts";

const why: Readonly<Record<string, string>> = {
  ENOENT: "and there is none",
  ENOTDIR: "and there is none",
  EISDIR: "came a folder",
  EACCES: "and you may not read it",
  EPERM: "and you may not read it",
};

/** Throws what `refuse` makes of why it cannot be read. */
export function readInput(
  file: string,
  expected: string,
  refuse: (message: string) => Error = clientErrors.REGISTRY_CLIENT_FILE_UNREADABLE,
): Uint8Array<ArrayBuffer> {
  const path = resolve(file);
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw refuse(`${path}: expected ${expected}, ${why[code] ?? `and it cannot be read: ${message}`}`);
  }
}

/** Never over one that is there. */
export function writeOutput(file: string, bytes: Uint8Array | string, mode = 0o644): void {
  const path = resolve(file);
  if (existsSync(path)) throw clientErrors.REGISTRY_CLIENT_FILE_EXISTS(`${path} is there already, and is not written over`);
  try {
    writeFileSync(path, bytes, { mode, flag: "wx" });
  } catch (error) {
    throw clientErrors.REGISTRY_CLIENT_FILE_UNREADABLE(`${path} cannot be written: ${systemErrorWords(error) ?? errorMessage(error)}`);
  }
}

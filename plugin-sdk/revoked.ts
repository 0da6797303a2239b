/** The word that nobody should run a version that is installed: it lies beside the version's folder, so that it holds without network, and before anything in there is read. */
import { existsSync, readFileSync } from "node:fs";
import type { GatewayError } from "./error.ts";
import { pluginErrors } from "./plugin-errors.ts";

export const revokedFileOf = (folder: string): string => `${folder}.revoked`;

/** Why nobody should run what lies there, and what to do; undefined: nobody said so. */
export function revokedWords(folder: string): string | undefined {
  const file = revokedFileOf(folder);
  if (!existsSync(file)) return undefined;
  try {
    return readFileSync(file, "utf8").trim() || "it is revoked";
  } catch {
    return `it is revoked; ${file}, which says why, cannot be read`; // silent-ok: said instead
  }
}

export function revocationOf(folder: string): GatewayError | undefined {
  const words = revokedWords(folder);
  return words === undefined ? undefined : pluginErrors.PLUGIN_REVOKED(words);
}

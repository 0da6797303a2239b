/** By what those who speak ClawHub's API know a skill's files again, wherever they lie. */
import { sha256Of } from "./sha256.ts";

export interface HashedFile {
  readonly path: string;
  /** In hex. */
  readonly sha256: string;
}

/** Without hidden files, which its CLI does not look at. The order is the one that its CLI sorts by. */
export function fingerprintOf(files: readonly HashedFile[]): string {
  const lines = files
    .filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")))
    .sort((a, b) => a.path.localeCompare(b.path))
    .map(({ path, sha256 }) => `${path}:${sha256}`);
  return sha256Of(lines.join("\n"));
}

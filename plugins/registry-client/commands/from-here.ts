import type { Kind } from "@pincer/registry/name";
import { parseWanted } from "../sources/wanted.ts";

/** A path means the same wherever it is read. */
export function fromHere(typed: string, kind: Kind = "plugins"): string {
  const wanted = parseWanted(typed, kind, process.cwd());
  return wanted.from === "folder" ? wanted.path : wanted.from === "archive" ? wanted.at : typed;
}

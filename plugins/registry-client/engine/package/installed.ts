/** What an installed version says of itself. */
import { join } from "node:path";
import type { PackageName } from "@pincer/registry/name";
import { folderOf, pointedAt, readText } from "../home/layout.ts";
import { type About, aboutPackage, manifestFile } from "./about.ts";

/** Of the version that counts now, or of another that is kept; undefined when there is none, or it cannot be read. */
export function installedAbout(home: string, name: PackageName, digest = pointedAt(home, name, "current")): About | undefined {
  if (digest === undefined) return undefined;
  const file = join(folderOf(home, name, digest), manifestFile[name.kind]);
  const text = readText(file);
  try {
    return text === undefined ? undefined : aboutPackage(name.kind, name.id, text, file);
  } catch {
    return undefined; // silent-ok: whoever compares takes it for one that may do nothing
  }
}

/** Which entries of an office document its parts name by an id. Only entries of the same archive are known: no address is followed. */
import type { Archive } from "./archive.ts";
import { xmlParts } from "./xml.ts";

/** Entries by id, in the order of the file. `folder`: that of the part whose relations they are. */
export function relationsOf(archive: Archive, name: string, folder: string): Map<string, string> {
  const targets = new Map<string, string>();
  for (const part of xmlParts(archive.text(name) ?? "")) {
    if (typeof part === "string" || part.name !== "Relationship" || part.attribute("TargetMode") === "External") continue;
    const target = part.attribute("Target") ?? "";
    const path = target.startsWith("/") ? target.slice(1) : `${folder}/${target}`;
    targets.set(part.attribute("Id") ?? "", path);
  }
  return targets;
}

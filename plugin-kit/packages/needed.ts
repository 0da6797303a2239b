/** Of the packages that a plugin's `bun.lock` names, those that it may run with, on whichever system: what its author alone needs is left out. */
import { isObject, type Json, type JsonObject, jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import { integrityOf } from "./integrity.ts";
import { readLock } from "./lock.ts";

const kinds = ["dependencies", "optionalDependencies", "peerDependencies"] as const;

/** By name and version, the checksum of its archive. Throws `PLUGIN_INSTALL_FAILED` as `readLock`. */
export function neededPackages(file: string, text: string): Readonly<Record<string, string>> {
  const locked = readLock(file, text).packages;
  const checksums = new Map(locked.map(({ name, version, checksum }) => [`${name}@${version}`, integrityOf(checksum)]));
  const { workspaces, packages } = objectOf(jsonOf(parseJson5(text)));
  const entries = objectOf(packages);
  const seen = new Set<string>();
  const found: Record<string, string> = {};
  const visit = (from: string, wants: JsonObject): void => {
    for (const name of kinds.flatMap((kind) => Object.keys(objectOf(wants[kind])))) {
      const key = placesFor(from, name).find((place) => Object.hasOwn(entries, place));
      if (key === undefined || seen.has(key)) continue; // what a system, or nobody, needs has no entry
      seen.add(key);
      const [called, , more] = entries[key] as readonly Json[];
      found[called as string] = checksums.get(called as string)!;
      visit(key, objectOf(more));
    }
  };
  visit("", objectOf(objectOf(workspaces)[""]));
  return found;
}

const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});

/** Where a package looks for another, nearest first: `a/b` is the `b` of `a` alone. */
function placesFor(from: string, name: string): readonly string[] {
  const parts = from.match(/(@[^/]+\/)?[^/]+/g) ?? [];
  return [...parts.map((_part, index) => [...parts.slice(0, parts.length - index), name].join("/")), name];
}

/** Of the packages that a plugin's `bun.lock` names, those that it may run with, on whichever system: what its author alone needs is left out. */
import { isObject, type Json, type JsonObject } from "@pincer/plugin-sdk/json5";
import { integrityOf } from "./integrity.ts";
import { readLock } from "./lock.ts";

const kinds = ["dependencies", "optionalDependencies", "peerDependencies"] as const;

/** A package as it lies inside another: whoever needs one looks beside what is inside itself, and then around itself, nearest first. */
interface Place {
  readonly around: Place | undefined;
  readonly inside: Map<string, Place>;
  entry?: readonly Json[];
}

/** By name and version, the checksum of its archive. Throws `PLUGIN_INSTALL_FAILED` as `readLock`. */
export function neededPackages(file: string, text: string): Readonly<Record<string, string>> {
  const { packages, manifest, entries } = readLock(file, text);
  const checksums = new Map(packages.map(({ name, version, checksum }) => [`${name}@${version}`, integrityOf(checksum)]));
  const found: Record<string, string> = {};
  const seen = new Set<Place>();
  const visiting: [from: Place, wants: JsonObject][] = [[placesIn(entries), manifest]];
  for (const [from, wants] of visiting)
    for (const name of kinds.flatMap((kind) => Object.keys(objectOf(wants[kind])))) {
      const place = nearest(from, name);
      if (!place?.entry || seen.has(place)) continue; // what a system, or nobody, needs has no entry
      seen.add(place);
      const [called, , more] = place.entry;
      found[called as string] = checksums.get(called as string)!;
      visiting.push([place, objectOf(more)]);
    }
  return found;
}

const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});

/** `a/b` is the `b` of `a` alone. */
function placesIn(packages: JsonObject): Place {
  const root: Place = { around: undefined, inside: new Map() };
  for (const [path, entry] of Object.entries(packages)) {
    let place = root;
    for (const name of path.match(/(@[^/]+\/)?[^/]+/g) ?? []) {
      const around = place;
      place = around.inside.getOrInsertComputed(name, () => ({ around, inside: new Map() }));
    }
    place.entry = entry as readonly Json[];
  }
  return root;
}

function nearest(from: Place, name: string): Place | undefined {
  for (let place: Place | undefined = from; place; place = place.around) {
    const found = place.inside.get(name);
    if (found?.entry) return found;
  }
  return undefined;
}

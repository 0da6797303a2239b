/** Which package a name means that says no kind, and what is said where nobody has it. */
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import type { Kind } from "@pincer/registry/name";
import { clientErrors } from "../../errors.ts";
import type { RegistrySources } from "../../sources/registry.ts";
import type { Wanted } from "../../sources/source.ts";
import { keyOf, type Packages } from "../home/lock.ts";
import type { EmbeddedPackages } from "../package/embedded.ts";

export interface Naming {
  readonly embedded: EmbeddedPackages;
  readonly registries: RegistrySources;
  readonly packages: Packages;
}

type Named = Extract<Wanted, { from: "registry" }>;

/** `kind`: when it was said. Else what is installed comes first, and a plugin before a skill. Throws `REGISTRY_CLIENT_UNKNOWN`. */
export async function known(wanted: Named, kind: Kind | undefined, naming: Naming, signal: AbortSignal): Promise<Named> {
  const could = (kind === undefined ? (["plugins", "skills"] as const) : [kind]).map((each) => ({ ...wanted, kind: each }));
  const installed = could.find((each) => naming.packages[keyOf(each)]);
  if (installed) return installed;
  for (const each of could) if ((await naming.registries.find(each, wanted.registry, signal)).length > 0) return each;
  throw clientErrors.REGISTRY_CLIENT_UNKNOWN(await unknown(wanted, kind, naming, signal));
}

async function unknown(
  { id, registry }: Named,
  kind: Kind | undefined,
  { embedded, registries }: Naming,
  signal: AbortSignal,
): Promise<string> {
  const own = embedded.skills().some((skill) => skill.id === id);
  if (own && kind !== "plugins" && registry === undefined)
    return `${id} is a skill of this Pincer, and needs no installing: "pincer skills status ${id}"`;
  // Of the other kind, or in a catalogue alone, it may have that very name.
  const others = (await registries.catalogue(signal)).entries.filter(
    (entry) => entry.id !== id && (registry === undefined || entry.registry === registry),
  );
  const ids = embedded.ids();
  const near = suggestion(id, [...ids.map((each) => each.split("-").at(-1)!), ...ids, ...others.map((entry) => entry.id)]);
  const what = kind === undefined ? "plugin or skill" : kind === "plugins" ? "plugin" : "skill";
  if (registry !== undefined) return `the registry ${registry} has no ${what} "${id}"${near}`;
  const where = registries.names.length > 0 ? `, nor has ${registries.names.join(" or ")}` : "";
  const next = near || where ? "" : ': "pincer search" shows what there is, "pincer registry add" where more is looked for';
  return `this Pincer has no ${what} "${id}"${where}${near}${next}`;
}

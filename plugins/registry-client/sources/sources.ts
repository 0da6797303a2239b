/** Every place that packages come from. */

import type { PackageName } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import type { RegistrySources } from "./registry.ts";
import type { Candidate, Origin, PackageSource, Wanted } from "./source.ts";
import { shownAddress } from "./web-address.ts";

type Place = Exclude<Wanted["from"], "embedded" | "registry">;
type Of<F extends Wanted["from"]> = Extract<Wanted, { from: F }>;

export interface Sources {
  readonly registries: RegistrySources;
  /** Absent: nothing is installed from there. */
  readonly others: { readonly [F in Place]?: PackageSource<Of<F>> };
}

const missing = (from: string) => clientErrors.REGISTRY_CLIENT_SOURCE_MISSING(`nothing can be installed from ${from} here`);

export async function resolved(sources: Sources, wanted: Exclude<Wanted, { from: "embedded" }>, signal: AbortSignal): Promise<Candidate> {
  if (wanted.from === "registry") return sources.registries.resolve(wanted, signal);
  // Which source belongs to which kind of wish is what the type of `others` says; the compiler does not follow the pair.
  const source = sources.others[wanted.from] as PackageSource | undefined;
  if (!source) throw missing(wanted.from);
  return source.resolve(wanted, signal);
}

/** What a lock names. */
export function exactly(sources: Sources, origin: Origin, locked: PackageName & { readonly version: string }): Candidate {
  if (origin.from === "registry") return sources.registries.exactly(origin, locked);
  const source = origin.from === "embedded" ? undefined : (sources.others[origin.from] as PackageSource | undefined);
  if (!source) throw missing(origin.from);
  return source.exactly(origin as never, locked);
}

/** For people. */
export function shownOrigin(origin: Origin): string {
  switch (origin.from) {
    case "embedded":
      return "this Pincer";
    case "registry":
      return `registry ${origin.registry}`;
    case "clawhub":
      return `${origin.site}, ${origin.slug}`;
    case "npm":
      return `npm, ${origin.name}`;
    case "git":
      return `${origin.url} at ${origin.commit.slice(0, 12)}${origin.inside === undefined ? "" : `, ${origin.inside}`}`;
    case "folder":
      return origin.path;
    case "archive":
      return shownAddress(origin.at);
    case "upload":
      return "upload";
  }
}

/** Whether both are the same place, whatever lies there now. */
export function isSamePlace(a: Origin, b: Origin): boolean {
  if (a.from === "embedded" || b.from === "embedded") return a.from === b.from;
  if (a.from === "registry") return b.from === "registry" && a.registry === b.registry;
  if (a.from === "clawhub") return b.from === "clawhub" && a.site === b.site && a.slug === b.slug;
  if (a.from === "npm") return b.from === "npm" && a.name === b.name;
  if (a.from === "git") return b.from === "git" && a.url === b.url && a.inside === b.inside;
  if (a.from === "folder") return b.from === "folder" && a.path === b.path;
  // Archives say where they were once, not whose they are: a newer one lies elsewhere, or is sent anew.
  return b.from === a.from;
}

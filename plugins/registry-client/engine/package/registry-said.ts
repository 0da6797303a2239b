/** What a registry's own scan found in a package when it was published: the registry's word, under its key, beside what is seen here. */

import type { Notice } from "../../notice.ts";
import type { RegistrySources } from "../../sources/registry.ts";
import type { Candidate } from "../../sources/source.ts";

export async function saidByRegistry(
  { kind, id, version, origin }: Candidate,
  registries: Pick<RegistrySources, "catalogue">,
  signal: AbortSignal,
): Promise<readonly Notice[]> {
  if (origin.from !== "registry") return [];
  const { registry } = origin;
  const found = (await registries.catalogue(signal)).find(
    (entry) => entry.registry === registry && entry.kind === kind && entry.id === id && entry.version === version,
  )?.findings;
  if (!found || found.length === 0) return [];
  const all = found.map(({ rule, severity }) => `${rule} (${severity})`).join(", ");
  const level = found.some(({ severity }) => severity === "high") ? "warning" : "note";
  return [{ code: "registry-scan", level, text: `the registry "${registry}" says of it that its scan found ${all}` }];
}

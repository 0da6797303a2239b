/** What a registry's own scan found in a package when it was published: the registry's word, under its key, beside what is seen here. */

import { severities } from "@pincer/registry/scan/severity";
import type { Notice } from "../../notice.ts";
import type { RegistrySources } from "../../sources/registry.ts";
import type { Candidate } from "../../sources/source.ts";

/** `before`: the version that it replaces. */
export async function saidByRegistry(
  { kind, id, version, origin }: Candidate,
  before: string | undefined,
  registries: Pick<RegistrySources, "findings">,
  signal: AbortSignal,
): Promise<readonly Notice[]> {
  if (origin.from !== "registry" || version === before) return [];
  const { registry } = origin;
  const said = (one: string) => registries.findings(registry, { kind, id, version: one }, signal);
  const found = await said(version);
  if (!found || found.length === 0) return [];
  const all = found.map(({ rule, severity }) => `${rule} (${severity})`).join(", ");
  const level = found.some(({ severity }) => severity === "high") ? "warning" : "note";
  const known = before === undefined ? [] : await said(before);
  // Of one in which nobody had looked, nobody knows what is new.
  const isKnown =
    known === undefined ||
    found.every(({ rule, severity }) =>
      known.some((one) => one.rule === rule && severities.indexOf(one.severity) >= severities.indexOf(severity)),
    );
  const text = `the registry "${registry}" says of it that its scan found ${all}`;
  return [
    { code: "registry-scan", level, text, ...(before !== undefined && { finding: isKnown ? ("known" as const) : ("new" as const) }) },
  ];
}

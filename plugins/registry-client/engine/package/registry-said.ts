/** What a registry's own scan found in a package when it was published: the registry's word, under its key, beside what is seen here. */

import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Gist } from "@pincer/registry/catalogue";
import { severities } from "@pincer/registry/scan/severity";
import { isPackageMissing } from "../../errors.ts";
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
  let found: Gist | undefined;
  try {
    found = await said(version);
  } catch (error) {
    if (!isPackageMissing(error)) throw error;
    // Whoever hands out the rest, and keeps this back, would have it look like one in which nothing was found.
    const text = `what the scan of the registry "${registry}" found in it is signed, and cannot be had: ${errorMessage(error)}`;
    return [{ code: "registry-scan", level: "warning", text }];
  }
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

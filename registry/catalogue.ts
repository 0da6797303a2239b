/**
 * What there is, for whoever looks for something: a row for each package, in as many parts as a registry's names are divided into. A hint that the
 * server signs; whether it holds is seen when the package is asked for.
 */
import { gunzipSync } from "node:zlib";
import { type Static, Type } from "@sinclair/typebox";
import { RegistryError } from "./error.ts";
import { readJson } from "./json.ts";
import { type Finding, finding } from "./scan/finding.ts";
import { severities } from "./scan/severity.ts";
import { closed, kind } from "./schema.ts";

/** Bytes of one part, packed and unpacked, beyond which it is not read. */
export const longestCatalogue = { packed: 32 * 2 ** 20, unpacked: 128 * 2 ** 20 } as const;

export const cataloguePaths = "catalogue/*";
/** A part of the same name as the role that says whose its packages are: `3f`, or `all`. */
export const cataloguePath = (part: string): string => `catalogue/${part}.json.gz`;

const entry = Type.Object(
  {
    kind,
    id: Type.String({ maxLength: 64 }),
    publisher: Type.String({ maxLength: 64 }),
    /** The newest that is neither yanked nor revoked, nor, where there is another, a pre-release. */
    version: Type.String({ maxLength: 64 }),
    summary: Type.String({ maxLength: 200 }),
    /** What the registry's scan found in that version, without saying where; absent when it has not looked. */
    findings: Type.Optional(Type.Array(Type.Pick(finding, ["rule", "severity"], closed), { maxItems: 50 })),
  },
  closed,
);
const catalogue = Type.Object({ packages: Type.Array(entry) }, closed);
export type CatalogueEntry = Static<typeof entry>;

/** Each rule once, with the gravest that it found. */
export function gistOf(findings: readonly Finding[]): NonNullable<CatalogueEntry["findings"]> {
  const byRule = new Map<string, Finding["severity"]>();
  for (const { rule, severity } of findings)
    if (severities.indexOf(severity) >= severities.indexOf(byRule.get(rule) ?? "low")) byRule.set(rule, severity);
  return [...byRule].map(([rule, severity]) => ({ rule, severity }));
}

/** By name, and a plugin before a skill of the same one. */
export const compareEntries = (a: CatalogueEntry, b: CatalogueEntry): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : a.kind < b.kind ? -1 : 1;

/** The same rows give the same bytes on every machine. */
export function catalogueFile(packages: readonly CatalogueEntry[]): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify({ packages }));
  const packed = Bun.gzipSync(json, { library: "libdeflate", level: 9 });
  // Time, effort and system, which the compressor fills in as it sees fit.
  packed.set([0, 0, 0, 0, 0, 255], 4);
  return packed;
}

/** Throws `REGISTRY_METADATA_INVALID`. */
export function readCatalogue(bytes: Uint8Array, path: string): readonly CatalogueEntry[] {
  const refuse = (why: string, cause?: unknown) =>
    new RegistryError("REGISTRY_METADATA_INVALID", `${path} of the registry: ${why}`, { cause });
  let json: Uint8Array;
  try {
    json = gunzipSync(bytes, { maxOutputLength: longestCatalogue.unpacked });
  } catch (error) {
    throw refuse(`expected JSON in gzip, of at most ${longestCatalogue.unpacked} bytes`, error);
  }
  return readJson(catalogue, json, refuse).packages;
}

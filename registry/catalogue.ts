/**
 * What there is, for whoever looks for something: a row for each package, in as many parts as a registry's names are divided into. A hint that the
 * server signs; whether it holds is seen when the package is asked for.
 */
import { gunzipSync } from "node:zlib";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { RegistryError } from "./error.ts";
import { readJson, requireForm } from "./json.ts";
import type { PackageName } from "./name.ts";
import { type Finding, finding } from "./scan/finding.ts";
import { severities } from "./scan/severity.ts";
import { closed, hex, kind } from "./schema.ts";
import type { Expected } from "./source.ts";
import type { Signed } from "./trust/metadata.ts";
import { isInPattern } from "./trust/pattern.ts";

/** Bytes of one part, packed and unpacked, beyond which it is not read. */
export const longestCatalogue = { packed: 32 * 2 ** 20, unpacked: 128 * 2 ** 20 } as const;

/** Below two to that nobody is told: a few downloads are anybody's. */
export const leastDownloadsLog2 = 5;

export const cataloguePaths = "catalogue/*";
/** A part of the same name as the role that says whose its packages are: `3f`, or `all`. */
export const cataloguePath = (part: string): string => `catalogue/${part}.json.gz`;
/** Beside a part of that path, what the scan found in each version of the same packages: who chooses reads only the first. */
export const findingsPath = (path: string): string => path.replace(/\.json\.gz$/, "-findings.json.gz");

const gist = Type.Array(Type.Pick(finding, ["rule", "severity"], closed), { maxItems: 50 });
export type Gist = Static<typeof gist>;

/** What is not known here is for a newer one: a row may come to say more. */
const entry = Type.Object({
  kind,
  id: Type.String({ maxLength: 64 }),
  publisher: Type.String({ maxLength: 64 }),
  /** The newest that is neither yanked nor revoked, nor, where there is another, a pre-release. */
  version: Type.String({ maxLength: 64 }),
  summary: Type.String({ maxLength: 200 }),
  /** What the registry's scan found in that version, without saying where; absent when it has not looked. */
  findings: Type.Optional(gist),
  /** It was downloaded two to that times, or more: a number that seldom changes; absent for little. */
  downloadsLog2: Type.Optional(Type.Integer({ minimum: leastDownloadsLog2, maximum: 60 })),
});
const catalogue = Type.Object({ packages: Type.Array(entry) }, closed);
export type CatalogueEntry = Static<typeof entry>;

/** `versions`: those in which somebody has looked. */
const foundIn = Type.Object({ kind, id: Type.String({ maxLength: 64 }), versions: Type.Record(Type.String(), gist) });
const findingsPart = Type.Object({ packages: Type.Array(foundIn) }, closed);
export type PackageFindings = Static<typeof foundIn>;

const custom = Type.Object({ findings: Type.Optional(Type.Object({ length: Type.Integer({ minimum: 1 }), sha256: hex(64) }, closed)) });

/** Where the findings lie that belong to a part, as the registry's metadata says it beside that. Throws `REGISTRY_METADATA_INVALID`. */
export const findingsBeside = (said: unknown, path: string): { readonly length: number; readonly sha256: string } | undefined =>
  said === undefined
    ? undefined
    : requireForm(custom, said, (why) => new RegistryError("REGISTRY_METADATA_INVALID", `what is said of ${path} of the registry: ${why}`))
        .findings;

/** As a row has it; undefined for what nobody need know. */
export function log2Of(downloads: number): number | undefined {
  const power = Math.floor(Math.log2(Math.max(1, downloads)));
  return power >= leastDownloadsLog2 ? power : undefined;
}

/** Each rule once, with the gravest that it found. */
export function gistOf(findings: readonly Finding[]): Gist {
  const byRule = new Map<string, Finding["severity"]>();
  for (const { rule, severity } of findings)
    if (severities.indexOf(severity) >= severities.indexOf(byRule.get(rule) ?? "low")) byRule.set(rule, severity);
  return [...byRule].map(([rule, severity]) => ({ rule, severity }));
}

/** By name, and a plugin before a skill of the same one. */
export const compareEntries = (a: PackageName, b: PackageName): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.kind < b.kind ? -1 : 1);

/** The same rows give the same bytes on every machine. */
export const catalogueFile = (packages: readonly CatalogueEntry[]): Uint8Array<ArrayBuffer> => packed({ packages });
export const findingsFile = (packages: readonly PackageFindings[]): Uint8Array<ArrayBuffer> => packed({ packages });

function packed(part: object): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(part));
  const bytes = Bun.gzipSync(json, { library: "libdeflate", level: 9 });
  // Time, effort and system, which the compressor fills in as it sees fit.
  bytes.set([0, 0, 0, 0, 0, 255], 4);
  return bytes;
}

/** Throws `REGISTRY_METADATA_INVALID`. */
export const readCatalogue = (bytes: Uint8Array, path: string): readonly CatalogueEntry[] => unpacked(catalogue, bytes, path).packages;
export const readFindings = (bytes: Uint8Array, path: string): readonly PackageFindings[] => unpacked(findingsPart, bytes, path).packages;

function unpacked<Form extends TSchema>(form: Form, bytes: Uint8Array, path: string): Static<Form> {
  const refuse = (why: string, cause?: unknown) =>
    new RegistryError("REGISTRY_METADATA_INVALID", `${path} of the registry: ${why}`, { cause });
  let json: Uint8Array;
  try {
    json = gunzipSync(bytes, { maxOutputLength: longestCatalogue.unpacked });
  } catch (error) {
    throw refuse(`expected JSON in gzip, of at most ${longestCatalogue.unpacked} bytes`, error);
  }
  return readJson(form, json, refuse);
}

interface NamedTarget extends Expected {
  readonly path: string;
  readonly custom?: unknown;
}

/** All that a role of the registry's own speaks of, with what lies beside the parts of its catalogue. */
export function* filesOf(targets: Signed<"targets">["targets"]): Generator<NamedTarget, void, void> {
  for (const [path, { length, hashes, custom }] of Object.entries(targets)) {
    yield { path, length, sha256: hashes.sha256, ...(custom !== undefined && { custom }) };
    const beside = isInPattern(cataloguePaths, path) ? findingsBeside(custom, path) : undefined;
    if (beside) yield { path: findingsPath(path), ...beside };
  }
}

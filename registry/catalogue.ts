/**
 * What there is, for whoever looks for something: a row for each package, in as many parts as a registry's names are divided into. A hint that the
 * server signs; whether it holds is seen when the package is asked for.
 */
import { gunzipSync } from "node:zlib";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { RegistryError } from "./error.ts";

/** Bytes of one part, packed and unpacked, beyond which it is not read. */
export const longestCatalogue = { packed: 32 * 2 ** 20, unpacked: 128 * 2 ** 20 } as const;

export const cataloguePaths = "catalogue/*";
/** A part of the same name as the role that says whose its packages are: `3f`, or `all`. */
export const cataloguePath = (part: string): string => `catalogue/${part}.json.gz`;

const entry = Type.Object(
  {
    kind: Type.Union([Type.Literal("plugins"), Type.Literal("skills")]),
    id: Type.String({ maxLength: 64 }),
    publisher: Type.String({ maxLength: 64 }),
    /** The newest that is neither yanked nor revoked, nor, where there is another, a pre-release. */
    version: Type.String({ maxLength: 64 }),
    summary: Type.String({ maxLength: 200 }),
  },
  { additionalProperties: false },
);
const catalogue = Type.Object({ packages: Type.Array(entry) }, { additionalProperties: false });
export type CatalogueEntry = Static<typeof entry>;

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
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(gunzipSync(bytes, { maxOutputLength: longestCatalogue.unpacked })));
  } catch (error) {
    throw refuse(`expected JSON in gzip, of at most ${longestCatalogue.unpacked} bytes`, error);
  }
  if (Value.Check(catalogue, json)) return json.packages;
  const first = Value.Errors(catalogue, json).First();
  throw refuse(`${first?.message ?? "another form was expected"}, at ${first?.path || "/"}`);
}

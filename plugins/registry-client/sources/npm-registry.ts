/** A registry of npm, as its documentation has it (package metadata, archives), read as patiently as a registry of ours. */
import { type Checksum, fits } from "@pincer/plugin-kit/packages/integrity";
import { RegistryError } from "@pincer/registry/error";
import { type HttpReaderOptions, httpReader } from "@pincer/registry/http-source";
import { parsedJson } from "@pincer/registry/json";
import { isVersion } from "@pincer/registry/name";
import { joined } from "@pincer/registry/source";
import { isNpmTag } from "./npm-name.ts";
import type { NpmRegistry, NpmSettings } from "./npm-settings.ts";

export interface PackageVersion {
  readonly version: string;
  readonly dist: { readonly tarball: string; readonly integrity?: string; readonly unpackedSize?: number };
  /** Why its author gave it up. */
  readonly deprecated?: string;
}

export interface PackageDocument {
  readonly name: string;
  readonly "dist-tags": Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, PackageVersion>>;
}

export interface NpmRegistryClient {
  /** All that is said of a package. Throws `REGISTRY_NOT_FOUND`, `REGISTRY_UNREACHABLE`, `REGISTRY_METADATA_INVALID`. */
  document(name: string, signal: AbortSignal): Promise<PackageDocument>;
  /** Exactly these bytes: whatever else comes is asked for once more, from its beginning, and then refused with `REGISTRY_FILE_WRONG`. */
  archive(wanted: WantedArchive, signal: AbortSignal): Promise<Uint8Array>;
}

export interface WantedArchive {
  readonly name: string;
  /** Where the registry says that it is; absent: where registries of npm have it. */
  readonly at?: string;
  readonly version: string;
  readonly checksum: Checksum;
  readonly limit: number;
}

/** Of packages with thousands of versions. */
const longestDocument = 32 * 2 ** 20;

export function npmRegistry(settings: NpmSettings, options: HttpReaderOptions): NpmRegistryClient {
  const read = httpReader(options);
  /** Also an archive of the registry may be elsewhere, where nobody is to learn the token. */
  const headersFor = ({ authorization }: NpmRegistry, accept: string) => ({
    accept,
    ...(authorization !== undefined && { authorization }),
  });

  return {
    async document(name, signal) {
      const registry = await settings.registryOf(name, signal);
      const headers = headersFor(registry, "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8");
      const at = new URL(name.replace("/", "%2f"), registry.url);
      return documentIn(await joined(read(at, { limit: longestDocument, headers, signal })), name);
    },

    async archive({ name, at, version, checksum, limit }, signal) {
      const registry = await settings.registryOf(name, signal);
      const reading = { limit, headers: headersFor(registry, "*/*"), ledFrom: registry.url, signal };
      const url = archiveUrl(registry, at ?? `${name}/-/${name.slice(name.indexOf("/") + 1)}-${version}.tgz`);
      for (let attempt = 0; attempt < 2; attempt++) {
        const bytes = await joined(read(url, reading));
        if (fits(bytes, checksum)) return bytes;
      }
      throw new RegistryError(
        "REGISTRY_FILE_WRONG",
        `${url} is not what ${name} ${version} must be: expected ${checksum.algorithm} ${checksum.hex}`,
      );
    },
  };
}

function archiveUrl(registry: NpmRegistry, at: string): URL {
  const url = URL.parse(at, registry.url);
  if (url && (url.protocol === "https:" || url.origin === registry.url.origin)) return url;
  throw new RegistryError(
    "REGISTRY_METADATA_INVALID",
    `${registry.url} has an archive at ${JSON.stringify(at.slice(0, 200))}: expected https, or its own address`,
  );
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What is not as documented is left out, where the rest can do without. */
function documentIn(bytes: Uint8Array, name: string): PackageDocument {
  const invalid = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `what npm's registry says of ${name}: ${why}`);
  const said = parsedJson(bytes, invalid);
  if (!isObject(said) || said["name"] !== name || !isObject(said["versions"])) throw invalid("expected the package, with its versions");
  const tags = isObject(said["dist-tags"]) ? said["dist-tags"] : {};
  return {
    name,
    "dist-tags": Object.fromEntries(
      Object.entries(tags).filter((tag): tag is [string, string] => isNpmTag(tag[0]) && typeof tag[1] === "string"),
    ),
    versions: Object.fromEntries(Object.entries(said["versions"]).flatMap(([version, one]) => versionIn(version, one))),
  };
}

function versionIn(version: string, said: unknown): readonly [string, PackageVersion][] {
  if (!isObject(said) || said["version"] !== version || !isVersion(version) || !isObject(said["dist"])) return [];
  const { tarball, integrity, unpackedSize } = said["dist"];
  if (typeof tarball !== "string") return [];
  const { deprecated } = said;
  const dist = {
    tarball,
    ...(typeof integrity === "string" && { integrity }),
    ...(typeof unpackedSize === "number" && { unpackedSize }),
  };
  return [[version, { version, dist, ...(typeof deprecated === "string" && deprecated !== "" && { deprecated }) }]];
}

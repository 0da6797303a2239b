/** Packages of the registries that the operator configured, each with a trust of its own. */
import { readFileSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { CatalogueEntry, Gist } from "@pincer/registry/catalogue";
import { createRegistryClient, type Package, type Published, type RegistryClient } from "@pincer/registry/client/client";
import { revokedError } from "@pincer/registry/client/revoked";
import { createTrustState } from "@pincer/registry/client/state";
import { RegistryError } from "@pincer/registry/error";
import { type HttpReaderOptions, httpSource } from "@pincer/registry/http-source";
import { compareVersions, type PackageName, type Release } from "@pincer/registry/name";
import type { KeyRevocation, Revocation } from "@pincer/registry/revocations";
import { sha256Of } from "@pincer/registry/sha256";
import { folderSource, type RegistrySource } from "@pincer/registry/source";
import { tarSource } from "@pincer/registry/tar-source";
import type { Registry } from "../config.ts";
import { clientErrors, isPackageMissing } from "../errors.ts";
import type { Candidate, PackageSource, Wanted } from "./source.ts";

type OfRegistry = Extract<Wanted, { from: "registry" }>;

export interface RegistriesOptions extends HttpReaderOptions {
  readonly home: string;
  readonly registries: readonly Registry[];
}

/** What one registry says of a package. */
export interface FoundPackage extends Package {
  readonly registry: string;
}

export interface RegistrySources extends PackageSource<OfRegistry> {
  /** In the order in which they are asked. */
  readonly names: readonly string[];
  /** Of all that know it, in the order of the configuration. */
  find(name: PackageName, registry: string | undefined, signal: AbortSignal): Promise<readonly FoundPackage[]>;
  candidate(found: FoundPackage, release: Published): Candidate;
  /** What nobody should run any more, by that registry. Cheap, so that it can be asked every minute. */
  revocations(registry: string, signal: AbortSignal): Promise<readonly Revocation[]>;
  /** The same as it was heard last, without asking. Of one that is not configured any more, nothing is known. */
  knownRevocations(registry: string): readonly Revocation[];
  /** Until when that counts; undefined: nothing was heard. */
  knownUntil(registry: string): string | undefined;
  /** Why nothing of it counts any more, by what was heard last: a key of the registry's own is revoked. */
  knownAuthority(registry: string): KeyRevocation | undefined;
  /** What that registry's own scan found in a release of it; undefined when nobody has looked. */
  findings(registry: string, release: Release, signal: AbortSignal): Promise<Gist | undefined>;
  /** What there is in all of them. Nobody's silence fails it: this is a hint, and nothing is installed by it. */
  catalogue(signal: AbortSignal): Promise<Catalogue>;
}

export interface Catalogue {
  readonly entries: readonly (CatalogueEntry & { readonly registry: string })[];
  /** The registries that did not answer; of one that keeps no catalogue there are no entries. */
  readonly unheard: readonly { readonly registry: string; readonly why: string }[];
}

const isNotFound = (error: unknown): boolean => error instanceof RegistryError && error.code === "REGISTRY_NOT_FOUND";

/** A folder, or one file that was exported. */
export const isNear = ({ address }: Pick<Registry, "address">): boolean => !/^https?:/.test(address);

/** What lies there is looked at when something is asked: another export may have taken its place. */
const nearSource = (path: string): RegistrySource => ({
  name: path,
  async *read(file, options) {
    const source = statSync(path, { throwIfNoEntry: false })?.isFile() ? await tarSource(path) : folderSource(path);
    yield* source.read(file, options);
  },
});

/** The files of a registry, wherever they lie. */
export function placeOf(address: string, { home, ...options }: Omit<RegistriesOptions, "registries">): RegistrySource {
  if (isNear({ address })) return nearSource(isAbsolute(address) ? address : resolve(home, address));
  return httpSource({ ...options, url: address });
}

export function createRegistrySources(options: RegistriesOptions): RegistrySources {
  const { home, registries, clock } = options;
  /** Asked for what is new once; what is planned and done together sees one moment. */
  const clients = new Map<string, Promise<RegistryClient>>();

  const made = new Map<string, RegistryClient>();
  /** As it was left: it asks for nothing yet. */
  const make = ({ name, address, root }: Registry): RegistryClient => {
    const known = made.get(name);
    if (known) return known;
    const pinned = readRoot(isAbsolute(root) ? root : resolve(home, root));
    const state = createTrustState(join(home, "registries", sha256Of(pinned)));
    const client = createRegistryClient({ source: placeOf(address, options), state, root: pinned, now: clock.now });
    made.set(name, client);
    return client;
  };
  const kept = (name: string): RegistryClient | undefined => {
    const registry = registries.find((one) => one.name === name);
    return registry && make(registry);
  };
  const configured = (name: string): Registry => {
    const registry = registries.find((one) => one.name === name);
    if (registry) return registry;
    const are = registries.length > 0 ? `configured are: ${registries.map((one) => one.name).join(", ")}` : "none is configured";
    throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`there is no registry "${name}": ${are} ("pincer registry add" adds one)`);
  };

  const clientOf = (name: string, signal: AbortSignal): Promise<RegistryClient> => {
    const known =
      clients.get(name) ??
      (async () => {
        const client = make(configured(name));
        await client.refresh(signal);
        return client;
      })();
    clients.set(name, known);
    known.catch(() => clients.delete(name));
    return known;
  };

  const find: RegistrySources["find"] = async (name, registry, signal) => {
    const asked = registry === undefined ? registries.map((one) => one.name) : [registry];
    const found = asked.map(async (each): Promise<FoundPackage | undefined> => {
      try {
        return { registry: each, ...(await (await clientOf(each, signal)).find(name, signal)) };
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    });
    // One that does not answer could be the one that counts: to go on without it would be to let others take its names.
    return (await Promise.all(found)).filter((one) => one !== undefined);
  };

  const candidate: RegistrySources["candidate"] = ({ registry, publisher }, release) => {
    const { kind, id, version, path, sha256, length, notes } = release;
    return {
      ...{ kind, id, version, size: length, publisher, notes },
      origin: { from: "registry", registry, path, sha256 },
      files: async (signal) => (await clientOf(registry, signal)).unpack(release, { signal }),
    };
  };

  return {
    names: registries.map(({ name }) => name),
    find,
    candidate,
    revocations: async (name, signal) => make(configured(name)).revocations(signal),
    knownRevocations: (name) => kept(name)?.knownRevocations() ?? [],
    knownUntil: (name) => kept(name)?.knownUntil(),
    knownAuthority: (name) => kept(name)?.knownAuthority(),
    findings: async (registry, release, signal) => (await clientOf(registry, signal)).findings(release, signal),
    async catalogue(signal) {
      const asked = registries.map(async ({ name }): Promise<Catalogue> => {
        try {
          const entries = await (await clientOf(name, signal)).catalogue(signal);
          return { entries: entries.map((entry) => ({ ...entry, registry: name })), unheard: [] };
        } catch (error) {
          if (!isPackageMissing(error)) throw error;
          return { entries: [], unheard: [{ registry: name, why: errorMessage(error) }] };
        }
      });
      const all = await Promise.all(asked);
      return { entries: all.flatMap(({ entries }) => entries), unheard: all.flatMap(({ unheard }) => unheard) };
    },
    async resolve({ kind, id, range, registry }, signal) {
      const [found] = await find({ kind, id }, registry, signal);
      if (!found) {
        const asked = registry ?? registries.map(({ name }) => name).join(", ");
        throw new RegistryError("REGISTRY_NOT_FOUND", `${asked === "" ? "no registry is configured" : `not in ${asked}`}: ${kind} ${id}`);
      }
      return candidate(found, chosen(found, id, range));
    },
    exactly({ registry, path, sha256 }, { kind, id, version }) {
      const files: Candidate["files"] = async (signal) => {
        const client = await clientOf(registry, signal);
        const release = (await client.find({ kind, id }, signal)).releases.find((one) => one.path === path);
        if (!release) throw new RegistryError("REGISTRY_NOT_FOUND", `${registry} has no ${id} ${version} any more`);
        if (release.sha256 !== sha256)
          throw new RegistryError(
            "REGISTRY_FILE_WRONG",
            `${registry} has another ${id} ${version}: expected SHA-256 ${sha256}, came ${release.sha256}`,
          );
        return client.unpack(release, { signal });
      };
      return { kind, id, version, origin: { from: "registry", registry, path, sha256 }, files };
    },
  };
}

/** Throws `REGISTRY_NOT_FOUND`, `REGISTRY_REVOKED`. One that is yanked is had only by its very version, and so is one before its release. */
export function chosen({ registry, releases, revoked }: FoundPackage, id: string, range: string | undefined): Published {
  const exact = releases.find(({ version }) => version === range);
  if (exact) return exact;
  const refused = revoked.find(({ version }) => version === range);
  if (refused) throw revokedError({ id, version: refused.version }, refused.revocation);
  const fitting = releases
    .filter(({ version, notes }) => !notes.yanked && !version.includes("-") && Bun.semver.satisfies(version, range ?? "*"))
    .sort((a, b) => compareVersions(b.version, a.version));
  if (fitting[0]) return fitting[0];
  const are = releases.slice(0, 5).map(({ version, notes }) => (notes.yanked ? `${version} (yanked)` : version));
  throw new RegistryError(
    "REGISTRY_NOT_FOUND",
    `${registry} has no version of ${id} in ${range ?? "general use"}; it has ${are.join(", ")}`,
  );
}

function readRoot(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw clientErrors.REGISTRY_CLIENT_CONFIG_INVALID(`the root of the registry, ${file}, cannot be read: ${errorMessage(error)}`);
  }
}

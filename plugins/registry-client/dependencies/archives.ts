/** Where the archives of packages that plugins need come from: the cache, mirrors, a registry of npm; each is checked against the lock, whoever has it. */
import { fits } from "@pincer/plugin-kit/packages/integrity";
import type { LockedPackage } from "@pincer/plugin-kit/packages/lock";
import { type ArchiveSource, placeOf } from "@pincer/plugin-kit/packages/loopback";
import { RegistryError, type RegistryErrorCode } from "@pincer/registry/error";
import { joined, type RegistrySource } from "@pincer/registry/source";
import { clientErrors } from "../errors.ts";
import type { NpmRegistryClient } from "../sources/npm-registry.ts";
import type { ArchiveCache } from "./cache.ts";
import { mirroredAt } from "./mirror.ts";

/** Packages with prebuilt binaries are large. */
const longestArchive = 512 * 2 ** 20;
/** Requests at a time: a registry has other guests too. */
const together = 8;

export function npmArchives(registry: NpmRegistryClient): ArchiveSource {
  const limited = atMost(together);
  return ({ name, version, checksum }, signal) =>
    limited(async () => {
      const wanted = { name, version, checksum, limit: longestArchive };
      try {
        return await registry.archive({ ...wanted, at: placeOf({ name, version }) }, signal);
      } catch (error) {
        if (!has(error, "REGISTRY_NOT_FOUND")) throw error;
        // Some registries have archives elsewhere than all others, and say where.
        const { versions } = await registry.document(name, signal);
        const said = Object.hasOwn(versions, version) ? versions[version] : undefined;
        if (!said) throw error;
        return registry.archive({ ...wanted, at: said.dist.tarball }, signal);
      }
    });
}

/** What `mirrorDependencies` has put there, whoever serves it now. */
export const mirroredArchives =
  (mirror: RegistrySource): ArchiveSource =>
  async ({ name, version, checksum }, signal) => {
    const bytes = await joined(mirror.read(mirroredAt(checksum), { limit: longestArchive, signal }));
    if (fits(bytes, checksum)) return bytes;
    throw new RegistryError("REGISTRY_FILE_WRONG", `${mirror.name} has ${name} ${version} with other bytes than were locked`);
  };

/** The first of `places` that has it; from then on the cache. Who did not answer once is asked last. Throws `REGISTRY_CLIENT_DEPENDENCY_MISSING` when nobody has it. */
export function cachedArchives(cache: ArchiveCache, places: readonly ArchiveSource[]): ArchiveSource {
  const silent = new Set<ArchiveSource>();
  return async (wanted, signal) => {
    const kept = cache.read(wanted.checksum);
    if (kept) return kept;
    const order = places.toSorted((a, b) => Number(silent.has(a)) - Number(silent.has(b)));
    const bytes = await firstOf(order, silent, wanted, signal);
    cache.keep(wanted.checksum, bytes);
    return bytes;
  };
}

async function firstOf(
  places: readonly ArchiveSource[],
  silent: Set<ArchiveSource>,
  wanted: LockedPackage,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let last: unknown;
  for (const place of places) {
    try {
      return await place(wanted, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (has(error, "REGISTRY_UNREACHABLE")) silent.add(place);
      if (!has(error, "REGISTRY_NOT_FOUND")) last = error;
    }
  }
  if (last !== undefined) throw last;
  const elsewhere = places.length === 0 ? "and nobody else is asked without a network" : "nor anywhere that packages come from";
  throw clientErrors.REGISTRY_CLIENT_DEPENDENCY_MISSING(
    `${wanted.name} ${wanted.version}, which the lock names, is not in the cache, ${elsewhere}`,
  );
}

const has = (error: unknown, code: RegistryErrorCode): boolean => error instanceof RegistryError && error.code === code;

function atMost(count: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (run) => {
    if (running >= count) await new Promise<void>((resolve) => void waiting.push(resolve));
    else running++;
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}

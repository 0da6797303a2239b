/** Where the archives of packages that plugins need come from: the cache, mirrors, a registry of npm; each is checked against the lock, whoever has it. */
import { fits } from "@pincer/plugin-kit/packages/integrity";
import { type ArchiveSource, placeOf } from "@pincer/plugin-kit/packages/loopback";
import { RegistryError, type RegistryErrorCode } from "@pincer/registry/error";
import { joined, type RegistrySource } from "@pincer/registry/source";
import { clientErrors } from "../errors.ts";
import type { NpmRegistryClient } from "../sources/npm-registry.ts";
import type { ArchiveCache } from "./cache.ts";
import { mirroredAt } from "./mirror.ts";

/** Packages with prebuilt binaries are large. */
const longestArchive = 512 * 2 ** 20;
const cacheBytes = 1024 * 2 ** 20;
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

/** The first of `places` that has it; who did not answer once is asked last. Throws `REGISTRY_CLIENT_DEPENDENCY_MISSING` when nobody has it. */
export function firstArchives(places: readonly ArchiveSource[]): ArchiveSource {
  const silent = new Set<ArchiveSource>();
  return async (wanted, signal) => {
    let last: unknown;
    for (const place of places.toSorted((a, b) => Number(silent.has(a)) - Number(silent.has(b)))) {
      try {
        return await place(wanted, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (has(error, "REGISTRY_UNREACHABLE")) silent.add(place);
        if (!has(error, "REGISTRY_NOT_FOUND")) last = error;
      }
    }
    if (last !== undefined) throw last;
    const where = places.length === 0 ? "not in the cache, and nobody else is asked without a network" : "nowhere that packages come from";
    throw clientErrors.REGISTRY_CLIENT_DEPENDENCY_MISSING(`${wanted.name} ${wanted.version}, which the lock names, is ${where}`);
  };
}

/** What is new in the cache takes the place of what was not needed for the longest time. */
export function cachedArchives(cache: ArchiveCache, archives: ArchiveSource): ArchiveSource {
  return async (wanted, signal) => {
    const kept = cache.read(wanted.checksum);
    if (kept) return kept;
    const bytes = await archives(wanted, signal);
    cache.keep(wanted.checksum, bytes);
    cache.trim(cacheBytes);
    return bytes;
  };
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

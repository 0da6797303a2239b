/** A plugin's dependencies, installed: from the cache, from mirrors, and, unless it is to be without a network, from the machine's registry of npm. */
import { join } from "node:path";
import { fetchDependencies } from "@pincer/plugin-kit/install";
import type { ArchiveSource } from "@pincer/plugin-kit/packages/loopback";
import { runnable } from "@pincer/plugin-kit/runnable";
import type { RegistrySource } from "@pincer/registry/source";
import type { NpmRegistryClient } from "../sources/npm-registry.ts";
import { cachedArchives, firstArchives, mirroredArchives, npmArchives } from "./archives.ts";
import { archiveCache } from "./cache.ts";

interface DependencyOptions {
  /** The gateway's. */
  readonly home: string;
  readonly now: () => number;
  /** Absent: without a network. */
  readonly npm?: NpmRegistryClient;
  /** Registries that may hold dependencies too: those that are asked before npm's, and those that are asked behind it. */
  readonly mirrors?: readonly RegistrySource[];
  readonly lateMirrors?: readonly RegistrySource[];
}

export interface Dependencies {
  readonly archives: ArchiveSource;
  /** At once when nothing is missing. Throws as `installDependencies`, and what the places throw. */
  install(folder: string, onProgress: (line: string) => void, signal: AbortSignal): Promise<void>;
  /** The same into another folder, whatever is there already. */
  fetch(folder: string, to: string, onProgress: (line: string) => void, signal: AbortSignal): Promise<void>;
}

export function createDependencies({ home, now, npm, mirrors = [], lateMirrors = [] }: DependencyOptions): Dependencies {
  const cache = archiveCache(join(home, "cache", "packages"), now);
  const places = [...mirrors.map(mirroredArchives), ...(npm ? [npmArchives(npm)] : []), ...lateMirrors.map(mirroredArchives)];
  const archives = cachedArchives(cache, firstArchives(places));
  return {
    archives,
    async install(folder, onProgress, signal) {
      await runnable(folder, home, onProgress, { archives, signal });
    },
    fetch: (folder, to, onProgress, signal) => fetchDependencies(folder, to, onProgress, { archives, signal }),
  };
}

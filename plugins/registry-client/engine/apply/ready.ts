/** What an installation fetches and lays out before its turn comes: however slow a server is, nobody else waits for it. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packagesFolder } from "@pincer/plugin-kit/runnable";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { clientErrors } from "../../errors.ts";
import { contentSha256 } from "../../sources/contents.ts";
import { readFiles, writeFiles } from "../home/files.ts";
import { removeIfEmpty, stagingOf } from "../home/layout.ts";
import type { LockEntry } from "../home/lock.ts";
import { saidOthersDiffer } from "../home/record.ts";
import { isTreeAsLocked, system, type Tree, treeOf } from "../home/tree.ts";
import type { Step } from "../plan/step.ts";
import { type Surroundings, teller } from "../surroundings.ts";
import { readyName } from "./in-use.ts";

export interface Ready extends Disposable {
  /** By the digest of its content, a folder that is complete, with everything that it needs; of a plugin of this Pincer only what it needs. */
  readonly folders: ReadonlyMap<string, string>;
  /** By the same digest, every file that lies there, or that lies already where a plugin of this Pincer has what it needs. */
  readonly trees: ReadonlyMap<string, Tree>;
}

export async function makeReady(surroundings: Surroundings, steps: readonly Step[], signal: AbortSignal): Promise<Ready> {
  const { home, dependencies } = surroundings;
  const folder = join(stagingOf(home), readyName());
  const folders = new Map<string, string>();
  const trees = new Map<string, Tree>();
  const ready: Ready = {
    ...{ folders, trees },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
      removeIfEmpty(stagingOf(home));
    },
  };
  try {
    for (const step of steps)
      if (step.do === "place" && step.files) {
        const tell = teller(surroundings, step.name.id);
        tell("staging");
        const staged = join(folder, step.entry.digest);
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        lay(staged, step.entry, step.files);
        tell("dependencies");
        await dependencies.install(staged, (line) => tell("dependencies", line), signal);
        folders.set(step.entry.digest, staged);
        trees.set(step.entry.digest, await requireTreeAsLocked(staged, step.name.id, step.entry));
      } else if (step.do === "enable") {
        const { plugin, entry, isMended } = step;
        const tell = teller(surroundings, plugin.id);
        tell("dependencies");
        const onProgress = (line: string) => tell("dependencies", line);
        const own = packagesFolder(plugin.folder, home);
        if (own !== undefined && isMended) {
          const staged = join(folder, entry.digest);
          mkdirSync(staged, { recursive: true, mode: 0o700 });
          await dependencies.fetch(plugin.folder, staged, onProgress, signal);
          folders.set(entry.digest, staged);
        } else await dependencies.install(plugin.folder, onProgress, signal);
        if (own !== undefined) trees.set(entry.digest, await requireTreeAsLocked(folders.get(entry.digest) ?? own, plugin.id, entry));
      }
    return ready;
  } catch (error) {
    ready[Symbol.dispose]();
    throw error;
  }
}

/** Whatever was fetched is compared with the lock once more where it was laid out. Throws `REGISTRY_CLIENT_DRIFT`. */
async function requireTreeAsLocked(folder: string, id: string, entry: LockEntry): Promise<Tree> {
  const tree = await treeOf(folder);
  if (isTreeAsLocked(entry, tree)) return tree;
  throw clientErrors.REGISTRY_CLIENT_DRIFT(`${id} ${entry.version}: ${saidOthersDiffer} (${system})`);
}

function lay(folder: string, { digest, version }: LockEntry, files: readonly ArchiveEntry[]): void {
  writeFiles(folder, files);
  const written = readFiles(folder);
  if (!written || contentSha256(written) !== digest)
    throw clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`what was written of version ${version} is not what came: is the disk in order?`);
}

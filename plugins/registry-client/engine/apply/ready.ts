/** What an installation fetches and lays out before its turn comes: however slow a server is, nobody else waits for it. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { clientErrors } from "../../errors.ts";
import { contentSha256 } from "../../sources/contents.ts";
import { readFiles, writeFiles } from "../home/files.ts";
import { removeIfEmpty, stagingOf } from "../home/layout.ts";
import type { LockEntry } from "../home/lock.ts";
import type { Step } from "../plan/step.ts";
import { type Surroundings, teller } from "../surroundings.ts";
import { readyName } from "./in-use.ts";

export interface Ready extends Disposable {
  /** By the digest of its content, a folder that is complete, with everything that it needs. */
  readonly folders: ReadonlyMap<string, string>;
}

export async function makeReady(surroundings: Surroundings, steps: readonly Step[], signal: AbortSignal): Promise<Ready> {
  const { home, dependencies } = surroundings;
  const folder = join(stagingOf(home), readyName());
  const folders = new Map<string, string>();
  const ready: Ready = {
    folders,
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
      } else if (step.do === "enable") {
        const tell = teller(surroundings, step.plugin.id);
        tell("dependencies");
        await dependencies.install(step.plugin.folder, (line) => tell("dependencies", line), signal);
      }
    return ready;
  } catch (error) {
    ready[Symbol.dispose]();
    throw error;
  }
}

function lay(folder: string, { digest, version }: LockEntry, files: readonly ArchiveEntry[]): void {
  writeFiles(folder, files);
  const written = readFiles(folder);
  if (!written || contentSha256(written) !== digest)
    throw clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`what was written of version ${version} is not what came: is the disk in order?`);
}

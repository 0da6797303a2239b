/** A plugin or a skill in a folder of this machine: what is installed is a copy, and the lock knows its bytes. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { filesOf } from "@pincer/plugin-kit/archive";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { RegistryError } from "@pincer/registry/error";
import { clientErrors } from "../errors.ts";
import { checkedFiles, contentSha256, sizeOf } from "./contents.ts";
import { identityOf } from "./identity.ts";
import { lockedCandidate } from "./locked.ts";
import type { PackageSource, Wanted } from "./source.ts";

export const folderPackages: PackageSource<Wanted & { readonly from: "folder" }> = {
  async resolve({ path }) {
    const files = filesIn(path);
    const origin = { from: "folder", path: realpathSync(path), sha256: contentSha256(files) } as const;
    return { ...identityOf(files, path), origin, size: sizeOf(files), files: async () => files };
  },
  exactly: (origin, locked) =>
    lockedCandidate({
      origin,
      locked,
      async read() {
        const files = filesIn(origin.path);
        const sha256 = contentSha256(files);
        if (sha256 === origin.sha256) return files;
        throw new RegistryError("REGISTRY_FILE_WRONG", `${origin.path} was changed: expected SHA-256 ${origin.sha256}, came ${sha256}`);
      },
    }),
};

function filesIn(path: string): readonly ArchiveEntry[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new RegistryError("REGISTRY_NOT_FOUND", `there is no ${path}`);
  if (!stats.isDirectory())
    throw new RegistryError("REGISTRY_NOT_FOUND", `${path} is a file: expected a folder, or an archive that ends in .tgz`);
  // Before it is read: a home is a folder too, and no small one.
  if (!["plugin.json", "SKILL.md"].some((name) => existsSync(join(path, name))))
    throw clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`${path}: expected a plugin.json or a SKILL.md in it`);
  return checkedFiles(filesOf(path), path);
}

/** A package as it came: what it says of itself is compared with what was said of it before anybody is shown anything. */

import { countPackages } from "@pincer/plugin-kit/packages/lock";
import { neededPackages } from "@pincer/plugin-kit/packages/needed";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { isOwnSection } from "@pincer/plugin-sdk/manifest";
import { slowPattern } from "@pincer/plugin-sdk/pattern";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { sha256Of } from "@pincer/registry/sha256";
import { clientErrors } from "../../errors.ts";
import { contentSha256 } from "../../sources/contents.ts";
import type { Candidate } from "../../sources/source.ts";
import type { LockedVersion } from "../home/lock.ts";
import { type About, aboutPackage, manifestFile } from "./about.ts";

export interface Package {
  readonly candidate: Candidate;
  readonly files: readonly ArchiveEntry[];
  /** What the lock keeps of it. */
  readonly locked: LockedVersion;
  readonly about: About;
}

export const bytesOf = (files: readonly ArchiveEntry[], path: string): Uint8Array | undefined =>
  files.find((file) => file.path === path)?.bytes;

/** `digest`: of the same files everywhere the same, whoever packed them. `manifest`: the bytes of it. */
export const digestsOf = (files: readonly ArchiveEntry[], manifest: Uint8Array) => {
  const lockfile = bytesOf(files, "bun.lock");
  return { digest: contentSha256(files), manifest: sha256Of(manifest), ...(lockfile && needsOf(lockfile)) };
};

/** Nothing of those that cannot be read: the installer says what is wrong with them. */
export function needsOf(lockfile: Uint8Array): Pick<LockedVersion, "dependencies" | "packages"> {
  const dependencies = sha256Of(lockfile);
  try {
    const packages = neededPackages("bun.lock", new TextDecoder().decode(lockfile));
    return Object.keys(packages).length === 0 ? { dependencies } : { dependencies, packages };
  } catch {
    return { dependencies }; // silent-ok: see above
  }
}

/** By a lock of Bun's; what cannot be read is refused when it is installed from. */
export const dependenciesIn = (lockfile: Uint8Array | undefined): number =>
  lockfile === undefined ? 0 : countPackages(new TextDecoder().decode(lockfile));

/** Throws `REGISTRY_CLIENT_PACKAGE_INVALID`. */
export function readPackage(candidate: Candidate, files: readonly ArchiveEntry[]): Package {
  const { kind, id, version, origin, publisher, notes } = candidate;
  const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`${id} ${version} is refused: ${why}`);
  const name = manifestFile[kind];
  const bytes = bytesOf(files, name);
  if (!bytes) throw refuse(`expected a file ${name} in it, and there is none`);
  const own = files.find(({ path }) => path.split("/")[0] === "node_modules");
  if (own) throw refuse(`it brings ${own.path}, where its bun.lock has to say what it needs`);
  const compiled = files.find(({ path }) => /(^|\/)__pycache__\/|\.py[co]$/.test(path));
  if (compiled) throw refuse(`it brings ${compiled.path}, compiled code that nobody can read: Python makes its own`);
  const locked: LockedVersion = {
    ...{ version, origin, ...digestsOf(files, bytes) },
    ...(publisher && { publisher: { ...publisher, keys: [...publisher.keys] } }),
  };
  if (notes && notes.manifest !== locked.manifest)
    throw refuse(`its ${name} has the SHA-256 ${locked.manifest}, and its publisher signed ${notes.manifest}`);
  let about: About;
  try {
    about = aboutPackage(kind, id, new TextDecoder().decode(bytes), `${id}/${name}`);
  } catch (error) {
    throw refuse(errorMessage(error));
  }
  if (about.id !== id) throw refuse(`its ${name} says that it is ${about.id}`);
  if ((about.version ?? version) !== version) throw refuse(`its ${name} says that it is version ${about.version}`);
  // A yes is said to exactly these words, and by whoever has read them.
  const unseen = about.permissions.find(({ permission }) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(permission));
  if (unseen) throw refuse(`its ${name} asks for ${JSON.stringify(unseen.permission)}, expected no signs that nobody sees`);
  if (about.manifest) {
    // What the gateway would refuse when it finds it.
    const { generated, configKey } = about.manifest;
    if (!isOwnSection(id, configKey))
      throw refuse(`its ${name} has the configKey ${JSON.stringify(configKey)}, which is not its own section`);
    if (!generated) throw refuse(`its ${name} is not built: its author has to run "pincer plugin build"`);
    const slow = slowPattern(generated, "/generated");
    if (slow) throw refuse(`at ${slow.path} of its ${name} a pattern may take long on some text: ${slow.why}`);
  }
  return { candidate, files, locked, about };
}

/** A package as it came: what it says of itself is compared with what was said of it before anybody is shown anything. */
import { createHash } from "node:crypto";
import { pack } from "@pincer/plugin-kit/archive";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type Manifest, parseManifest } from "@pincer/plugin-sdk/manifest";
import { slowPattern } from "@pincer/plugin-sdk/pattern";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { clientErrors } from "../errors.ts";
import type { Candidate } from "../sources/source.ts";
import type { LockedVersion } from "./lock.ts";

export interface Package {
  readonly candidate: Candidate;
  readonly files: readonly ArchiveEntry[];
  /** What the lock keeps of it. */
  readonly locked: LockedVersion;
  readonly summary: string;
  /** Of a plugin. */
  readonly manifest?: Manifest;
}

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

/** Of the same files everywhere the same, whoever packed them. */
export const digestOf = (files: readonly ArchiveEntry[]): string => sha256(pack(files));

/** Throws `REGISTRY_CLIENT_PACKAGE_INVALID`. */
export function readPackage(candidate: Candidate, files: readonly ArchiveEntry[]): Package {
  const { kind, id, version, origin, publisher, notes } = candidate;
  const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`${id} ${version} is refused: ${why}`);
  const name = kind === "plugins" ? "plugin.json" : "SKILL.md";
  const bytes = files.find(({ path }) => path === name)?.bytes;
  if (!bytes) throw refuse(`expected a file ${name} in it, and there is none`);
  const own = files.find(({ path }) => path.split("/")[0] === "node_modules");
  if (own) throw refuse(`it brings ${own.path}, where its bun.lock has to say what it needs`);
  const manifest = sha256(bytes);
  if (notes && notes.manifest !== manifest)
    throw refuse(`its ${name} has the SHA-256 ${manifest}, and its publisher signed ${notes.manifest}`);
  const lockfile = files.find(({ path }) => path === "bun.lock")?.bytes;
  const locked: LockedVersion = {
    ...{ version, origin, digest: digestOf(files), manifest },
    ...(lockfile && { dependencies: sha256(lockfile) }),
    ...(publisher && { publisher: { ...publisher, keys: [...publisher.keys] } }),
  };
  const text = new TextDecoder().decode(bytes);
  if (kind === "skills") return { candidate, files, locked, summary: notes?.summary ?? id };
  const parsed = parsedManifest(text, `${id}/${name}`, refuse);
  if (parsed.id !== id) throw refuse(`its ${name} says that it is ${parsed.id}`);
  if (parsed.version !== version) throw refuse(`its ${name} says that it is version ${parsed.version}`);
  return { candidate, files, locked, summary: parsed.summary, manifest: parsed };
}

/** What the gateway would refuse when it finds it. */
function parsedManifest(text: string, file: string, refuse: (why: string) => Error): Manifest {
  let manifest: Manifest;
  try {
    manifest = parseManifest(text, file);
  } catch (error) {
    throw refuse(errorMessage(error));
  }
  if (!manifest.generated) throw refuse(`${file} is not built: its author has to run "pincer plugin build"`);
  const slow = slowPattern(manifest.generated, "/generated");
  if (slow) throw refuse(`at ${slow.path} of ${file} a pattern may take long on some text: ${slow.why}`);
  return manifest;
}

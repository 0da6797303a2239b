/** What a registry's folder says now. */
import { RegistryError } from "../error.ts";
import { type Metadata, type MetaFile, parseMetadata, type Signed } from "../trust/metadata.ts";
import type { RepositoryFiles } from "./files.ts";

export interface Current {
  readonly timestamp: Signed<"timestamp">;
  readonly snapshot: Signed<"snapshot">;
}

/** Undefined before the first one. */
export function currentSnapshot(files: RepositoryFiles): Current | undefined {
  const bytes = files.read("metadata/timestamp.json");
  if (bytes === undefined) return undefined;
  const { signed: timestamp } = parseMetadata("timestamp", "timestamp", bytes);
  const { version } = timestamp.meta["snapshot.json"];
  const { signed: snapshot } = parseMetadata("snapshot", "snapshot", files.read(`metadata/${version}.snapshot.json`)!);
  return { timestamp, snapshot };
}

/** Each root that there is has the one before it. */
export function currentRoot(files: RepositoryFiles): Metadata<"root"> {
  let version = 1;
  if (!files.has("metadata/1.root.json"))
    throw new RegistryError("REGISTRY_NOT_FOUND", "there is no registry in that folder: expected metadata/1.root.json in it");
  while (files.has(`metadata/${version + 1}.root.json`)) version++;
  return parseMetadata("root", "root", files.read(`metadata/${version}.root.json`)!);
}

/** What the roles below the root say; undefined for one that nobody has signed yet. */
export type Roles = (role: string) => Metadata<"targets"> | undefined;

/** As the folder has them at each moment; what has not changed since is read once. */
export function currentRoles(files: RepositoryFiles): Roles {
  let timestamp: Uint8Array | undefined;
  let meta: Readonly<Record<string, MetaFile>> = {};
  const known = new Map<string, { readonly sha256: string; readonly metadata: Metadata<"targets"> }>();
  return (role) => {
    const bytes = files.read("metadata/timestamp.json");
    if (!timestamp || !bytes || Buffer.compare(timestamp, bytes) !== 0) meta = currentSnapshot(files)?.snapshot.meta ?? {};
    timestamp = bytes;
    const file = meta[`${role}.json`];
    if (!file) return undefined;
    const before = known.get(role);
    if (before?.sha256 === file.hashes.sha256) return before.metadata;
    const place = `metadata/${file.version}.${role}.json`;
    const found = files.read(place);
    if (!found)
      throw new RegistryError("REGISTRY_NOT_FOUND", `the registry has lost ${place}: a backup of the whole of it, or a mirror, has that`);
    const metadata = parseMetadata("targets", role, found);
    known.set(role, { sha256: file.hashes.sha256, metadata });
    return metadata;
  };
}

/** As they will be once these count. */
export const withChanged =
  (roles: Roles, changed: ReadonlyMap<string, Uint8Array>): Roles =>
  (role) => {
    const bytes = changed.get(role);
    return bytes ? parseMetadata("targets", role, bytes) : roles(role);
  };

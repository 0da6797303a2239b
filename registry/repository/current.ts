/** What a registry's folder says now. */
import { createHash } from "node:crypto";
import { type Metadata, parseMetadata, type Signed } from "../trust/metadata.ts";
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

/** Undefined when nobody has signed it yet. */
export function currentRole(files: RepositoryFiles, role: string): Metadata<"targets"> | undefined {
  const version = currentSnapshot(files)?.snapshot.meta[`${role}.json`]?.version;
  return version === undefined ? undefined : parseMetadata("targets", role, files.read(`metadata/${version}.${role}.json`)!);
}

export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

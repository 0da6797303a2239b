/** What is signed anew by and by, and the step in which it comes to count: files first, then the snapshot that names them, the timestamp last. */
import { timeOf } from "../schema.ts";
import { sha256Of } from "../sha256.ts";
import type { Signer } from "../trust/key.ts";
import { type MetadataKind, type MetaFile, parseMetadata, type Signed, signMetadata } from "../trust/metadata.ts";
import { type Current, currentSnapshot } from "./current.ts";
import type { RepositoryFiles } from "./files.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** How long each kind counts, in milliseconds: what is signed offline long, what says "this is the newest" shortly. */
export const lives = {
  root: 400 * dayMs,
  targets: 200 * dayMs,
  names: 30 * dayMs,
  revocations: 30 * dayMs,
  publisher: 400 * dayMs,
  snapshot: 7 * dayMs,
  timestamp: dayMs,
} as const;

export const unsigned = <Of extends MetadataKind>(kind: Of, version: number, lifeMs: number, now: () => number) =>
  ({ _type: kind, spec_version: "1.0.31", version, expires: timeOf(now() + lifeMs) }) as const;

interface Stamp {
  readonly online: Signer;
  readonly now: () => number;
  /** Metadata by role, signed, each of the version that follows. */
  readonly changed: ReadonlyMap<string, Uint8Array>;
  /** Other keys from now on. */
  readonly root?: { readonly version: number; readonly bytes: Uint8Array };
}

/** From now on these count, and no reader ever sees a part of it. What an interrupted one has left is named by nothing, and is written over. */
export function stamp(files: RepositoryFiles, { online, now, changed, root }: Stamp): void {
  const before = currentSnapshot(files);
  const meta: Record<string, MetaFile> = { ...before?.snapshot.meta };
  for (const [role, bytes] of changed) {
    const { version } = parseMetadata("targets", role, bytes).signed;
    files.write(`metadata/${version}.${role}.json`, bytes);
    meta[`${role}.json`] = metaOf(version, bytes);
  }
  const snapshot = before && !root && changed.size === 0 && isYoung(before, now) ? before.timestamp.meta["snapshot.json"] : nextSnapshot();
  const timestamp: Signed<"timestamp"> = {
    ...unsigned("timestamp", (before?.timestamp.version ?? 0) + 1, lives.timestamp, now),
    meta: { "snapshot.json": snapshot },
    ...(meta["revocations.json"] && { revocations: meta["revocations.json"] }),
  };
  const bytes = signMetadata(timestamp, [online]);
  if (root) files.write(`metadata/${root.version}.root.json`, root.bytes);
  files.write("metadata/timestamp.json", bytes);

  function nextSnapshot(): MetaFile {
    const version = (before?.snapshot.version ?? 0) + 1;
    const signed = signMetadata({ ...unsigned("snapshot", version, lives.snapshot, now), meta }, [online]);
    files.write(`metadata/${version}.snapshot.json`, signed);
    return metaOf(version, signed);
  }
}

/** One that says nothing new is not signed anew before it must be: every client would fetch it. */
const isYoung = ({ snapshot }: Current, now: () => number): boolean => now() < Date.parse(snapshot.expires) - lives.snapshot / 2;

const metaOf = (version: number, bytes: Uint8Array): MetaFile => ({
  version,
  length: bytes.length,
  hashes: { sha256: sha256Of(bytes) },
});

/**
 * A registry, or some packages of it, copied into a folder that any server of static files may serve. Everything is checked on the way; what is there
 * already is not fetched again; and whoever reads the folder meanwhile sees the state before, whole.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TrustState } from "./client/state.ts";
import { refreshTrust } from "./client/trust.ts";
import { type NamedFile, walk } from "./client/walk.ts";
import { RegistryError } from "./error.ts";
import { placeOf } from "./layout.ts";
import { mirrorState } from "./mirror-state.ts";
import { folderOf, type PackageName } from "./name.ts";
import { currentRoles } from "./repository/current.ts";
import { type RepositoryFiles, repositoryFiles } from "./repository/files.ts";
import { sweep } from "./repository/sweep.ts";
import { type Revocation, readRevocations, revocationOf, revocationsPath } from "./revocations.ts";
import { exactly, folderSource, joined, type RegistrySource, readTarget, upTo } from "./source.ts";
import { type Metadata, parseMetadata } from "./trust/metadata.ts";
import { publisherOf, type RoleName } from "./trust/role.ts";
import { requireSigned } from "./trust/verify.ts";
import { type Problem, requireModest } from "./verify.ts";

export interface MirrorOptions {
  readonly source: RegistrySource;
  readonly folder: string;
  /** The root that is trusted to begin with. */
  readonly root: Uint8Array;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** These alone, with all their releases. */
  readonly packages?: readonly PackageName[];
  readonly signal?: AbortSignal;
  /** Told of each archive that was fetched. */
  readonly onFile?: (file: NamedFile) => void;
}

export interface Mirrored {
  readonly releases: number;
  readonly fetched: number;
  readonly fetchedBytes: number;
  /** What cannot be had as its publisher signed it, and is left out. */
  readonly problems: readonly Problem[];
}

/** Throws as `refreshTrust`: then the folder serves what it served before, and the next run goes on from there. */
export async function mirrorRegistry({ source, folder, root, now, packages, signal, onFile }: MirrorOptions): Promise<Mirrored> {
  const kept = mirrorState(folder);
  const trusted = await refreshTrust({ source, root, now, state: kept.state }, signal);
  await earlierRoots(source, root, kept.state, signal);
  const mirrored = { releases: 0, fetched: 0, fetchedBytes: 0, problems: [] as Problem[] };
  /** One publisher's fault is no reason to go without all others. */
  const leaveOut = (path: string, error: unknown) => {
    if (!(error instanceof RegistryError) || error.code === "REGISTRY_UNREACHABLE") throw error;
    const isKnown = mirrored.problems.some((known) => known.path === path);
    if (!isKnown) mirrored.problems.push({ path, code: error.code, message: error.message });
  };
  const onFailure = (role: RoleName, place: string, error: unknown) => {
    if (publisherOf(role) === undefined) throw partly(error);
    leaveOut(place, error);
  };
  const found = new Set<string>();
  let revoked: readonly Revocation[] = [];
  for await (const file of walk(trusted, { packages, signal, onFailure })) {
    if (file.release) {
      mirrored.releases += 1;
      found.add(folderOf(file.release));
    }
    const isRevoked = file.release && revocationOf(revoked, file.release) !== undefined;
    if (!isRevoked && !(await isThere(folder, file))) {
      try {
        await fetchFile(source, folder, file, signal);
      } catch (error) {
        if (!file.release) throw error;
        leaveOut(placeOf(file.path, file.sha256), error);
        continue;
      }
      mirrored.fetched += 1;
      mirrored.fetchedBytes += file.length;
      onFile?.(file);
    }
    if (file.path === revocationsPath) {
      const place = join(folder, placeOf(file.path, file.sha256));
      revoked = readRevocations(await Bun.file(place).bytes());
    }
  }
  for (const { kind, id } of packages?.filter((name) => !found.has(folderOf(name))) ?? [])
    mirrored.problems.push({ path: folderOf({ kind, id }), code: "REGISTRY_NOT_FOUND", message: absent[kind](id) });
  const files = repositoryFiles(folder);
  if (!packages) await fetchUnnamed(source, files, trusted.snapshot, leaveOut, signal);
  kept.commit();
  sweep(files, currentRoles(files), now);
  return mirrored;
}

const absent = {
  plugins: (id: string) => `there is no plugin "${id}"; a skill is named as skill:${id}`,
  skills: (id: string) => `there is no skill "${id}"; a plugin is named as ${id}`,
};

/** Of a copy of some packages the rest cannot be had. */
const partly = (error: unknown): unknown =>
  error instanceof RegistryError && error.code === "REGISTRY_NOT_FOUND"
    ? new RegistryError(error.code, `${error.message}; where it holds some packages alone, name these: --package <name>`, { cause: error })
    : error;

/** What the snapshot names and nobody hands anything to: the list of a publisher whose names are all another's by now, on which the next one builds. */
async function fetchUnnamed(
  source: RegistrySource,
  files: RepositoryFiles,
  { signed: { meta } }: Metadata<"snapshot">,
  leaveOut: (path: string, error: unknown) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const [file, { version, length, hashes }] of Object.entries(meta)) {
    const path = `metadata/${version}.${file}`;
    if (files.has(path)) continue;
    const limit = Math.min(length, longestMetadata);
    try {
      const parts = upTo(limit, path, source.read(path, { limit, ...(signal && { signal }) }));
      files.write(path, await joined(exactly(path, { length, sha256: hashes.sha256 }, parts)));
    } catch (error) {
      leaveOut(path, error);
    }
  }
}
const longestMetadata = 64 * 2 ** 20;

/** Those before the one that is trusted, for clients that trust an older one: where they do not lead here, they are left out. */
async function earlierRoots(source: RegistrySource, root: Uint8Array, state: TrustState, signal: AbortSignal | undefined): Promise<void> {
  const trusted = parseMetadata("root", "root", root);
  const chain = [root];
  let next = trusted;
  try {
    for (let version = trusted.signed.version - 1; version >= 1; version--) {
      const limit = 512 * 1024;
      const path = `metadata/${version}.root.json`;
      const bytes = await joined(upTo(limit, path, source.read(path, { limit, ...(signal && { signal }) })));
      const before = parseMetadata("root", "root", bytes);
      requireSigned(before, "root", before);
      requireSigned(before, "root", next);
      if (before.signed.version !== version) break;
      chain.push(bytes);
      next = before;
    }
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
  for (const bytes of chain) state.write("root", bytes);
}

async function isThere(folder: string, file: NamedFile): Promise<boolean> {
  try {
    for await (const _part of readTarget(folderSource(folder), file, undefined));
    return true;
  } catch (error) {
    if (error instanceof RegistryError) return false;
    throw error;
  }
}

/** Whole or not at all. */
async function fetchFile(
  source: RegistrySource,
  folder: string,
  { path, length, sha256, release }: NamedFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  requireModest(path, length, release !== undefined);
  const file = join(folder, placeOf(path, sha256));
  const next = `${file}.${process.pid}.next`;
  mkdirSync(dirname(file), { recursive: true });
  const open = openSync(next, "w");
  try {
    for await (const part of readTarget(source, { path, length, sha256 }, signal)) writeSync(open, part);
    fsyncSync(open);
    renameSync(next, file);
  } finally {
    closeSync(open);
    rmSync(next, { force: true });
  }
}

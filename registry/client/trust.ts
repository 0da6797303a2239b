/**
 * From a root that is trusted to what a registry says today: the client's workflow of TUF (theupdateframework.github.io/specification, section 5). What
 * fails leaves everything as it was.
 */
import { RegistryError } from "../error.ts";
import { sha256Of } from "../sha256.ts";
import { joined, type RegistrySource, upTo } from "../source.ts";
import { type Metadata, type MetadataKind, type MetaFile, parseMetadata } from "../trust/metadata.ts";
import type { RoleName } from "../trust/role.ts";
import { type Delegator, requireSigned } from "../trust/verify.ts";
import type { TrustState } from "./state.ts";

export interface TrustOptions {
  readonly source: RegistrySource;
  readonly state: TrustState;
  /** The root that the operator trusts to begin with; newer ones follow from it. */
  readonly root: Uint8Array;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

const mostRoots = 256;
/** `announced`: of what the server's key says the length of, which may be stolen; a list of 100,000 names comes to half of it. */
const limits = { root: 512 * 1024, timestamp: 16 * 1024, announced: 64 * 2 ** 20 } as const;

/** What a registry says at one moment: all of it belongs together. */
export interface Trusted {
  readonly root: Metadata<"root">;
  readonly timestamp: Metadata<"timestamp">;
  readonly snapshot: Metadata<"snapshot">;
  readonly targets: Metadata<"targets">;
  /** Metadata of a role below, as the delegator's keys sign it. Throws `REGISTRY_NOT_FOUND` for one that the snapshot does not have. */
  below(delegator: Metadata<"targets">, role: RoleName, signal?: AbortSignal): Promise<Metadata<"targets">>;
}

/** What speaks of a path, and who handed that to it. */
export interface Found {
  readonly role: RoleName;
  readonly delegator: Metadata<"targets">;
  readonly metadata: Metadata<"targets">;
}

interface Beginning {
  readonly root: Metadata<"root">;
  readonly timestamp: Metadata<"timestamp">;
  readonly read: Read;
  /** A role below, of that version. */
  fetchRole(delegator: Delegator, role: RoleName, meta: MetaFile, signal: AbortSignal | undefined): Promise<Metadata<"targets">>;
}

async function begin(options: TrustOptions, signal: AbortSignal | undefined): Promise<Beginning> {
  const { source, state, now } = options;
  const readWith = (path: string, limit: number, signal: AbortSignal | undefined) =>
    joined(upTo(limit, path, source.read(`metadata/${path}`, { limit, ...(signal && { signal }) })));
  const read: Read = (path, limit) => readWith(path, limit, signal);
  const root = await newestRoot(options, read);
  requireFresh("root", root, now);
  const timestamp = await newestTimestamp(options, root, read);
  const fetchRole: Beginning["fetchRole"] = async (delegator, role, meta, signal) => {
    const check = (bytes: Uint8Array) => {
      requireSame(role, meta, bytes);
      const metadata = parseMetadata("targets", role, bytes);
      requireSigned(delegator, role, metadata);
      requireVersion(role, metadata, meta);
      return metadata;
    };
    const known = kept(state, role, check);
    if (known) {
      requireFresh(role, known, now);
      return known;
    }
    const bytes = await readWith(`${meta.version}.${role}.json`, Math.min(meta.length, limits.announced), signal);
    const metadata = check(bytes);
    requireFresh(role, metadata, now);
    state.write(role, bytes);
    return metadata;
  };
  return { root, timestamp, read, fetchRole };
}

/** Throws `REGISTRY_METADATA_*`, `REGISTRY_TOO_LARGE`, `REGISTRY_UNREACHABLE`. */
export async function refreshTrust(options: TrustOptions, signal?: AbortSignal): Promise<Trusted> {
  const { root, timestamp, read, fetchRole } = await begin(options, signal);
  const snapshot = await matchingSnapshot(options, root, timestamp, read);
  if (!Bun.deepEquals(timestamp.signed.revocations, snapshot.signed.meta["revocations.json"]))
    throw new RegistryError("REGISTRY_METADATA_MIXED", "the registry's timestamp and its snapshot speak of other revocations");
  const roleNow = async (delegator: Delegator, role: RoleName, signal: AbortSignal | undefined): Promise<Metadata<"targets">> => {
    const meta = snapshot.signed.meta[`${role}.json`];
    if (meta === undefined)
      throw new RegistryError(
        role === "revocations" ? "REGISTRY_METADATA_MIXED" : "REGISTRY_NOT_FOUND",
        `the registry's snapshot has no ${role}.json`,
      );
    return fetchRole(delegator, role, meta, signal);
  };
  const targets = await roleNow(root, "targets", signal);
  const known = new Map<string, Promise<Metadata<"targets">>>();
  /** Who was seen to have signed for whom: two parts may name other keys for one publisher, and each must be right. */
  const seen = new WeakMap<Metadata<"targets">, Set<string>>();
  return {
    root,
    timestamp,
    snapshot,
    targets,
    async below(delegator, role, signal) {
      const found = known.get(role) ?? roleNow(delegator, role, signal);
      known.set(role, found);
      // A failure is no answer for whoever asks next.
      found.catch(() => known.delete(role));
      const metadata = await found;
      const checked = seen.get(delegator) ?? new Set();
      if (!checked.has(role)) requireSigned(delegator, role, metadata);
      seen.set(delegator, checked.add(role));
      return metadata;
    },
  };
}

/**
 * The metadata of the revocations alone, as of now; undefined in a registry that has none. When nothing was revoked since, this costs the timestamp,
 * and when something was, these: who may revoke is taken from what was seen last, as long as that holds.
 */
export async function refreshRevocations(options: TrustOptions, signal?: AbortSignal): Promise<Metadata<"targets"> | undefined> {
  const { root, timestamp, fetchRole } = await begin(options, signal);
  const meta = timestamp.signed.revocations;
  const delegator = keptTargets(options, root);
  if (meta && delegator && options.now() < Date.parse(delegator.signed.expires))
    try {
      return await fetchRole(delegator, "revocations", meta, signal);
    } catch (error) {
      // By other keys than then: whose they are stands in newer targets, if they are anybody's.
      if (!(error instanceof RegistryError && error.code === "REGISTRY_METADATA_UNSIGNED")) throw error;
    }
  const { targets, below } = await refreshTrust(options, signal);
  return hasRevocations(targets) ? below(targets, "revocations", signal) : undefined;
}

/** Whether somebody may revoke here: the server, which signs what there is today, cannot leave that out. */
export const hasRevocations = ({ signed }: Metadata<"targets">): boolean =>
  signed.delegations?.roles.some(({ name }) => name === "revocations") === true;

/** What was trusted last of the revocations, without asking, and however long ago that was. */
export function keptRevocations(options: TrustOptions): Metadata<"targets"> | undefined {
  const { targets: delegator } = keptAuthority(options);
  return delegator && kept(options.state, "revocations", signedBy(delegator, "revocations"));
}

/** The root that counts, and the targets that were seen last, if they are signed as it says. */
export function keptAuthority(options: TrustOptions): {
  readonly root: Metadata<"root">;
  readonly targets: Metadata<"targets"> | undefined;
} {
  const root = keptRoot(options);
  return { root, targets: keptTargets(options, root) };
}

const keptTargets = ({ state }: TrustOptions, root: Metadata<"root">) => kept(state, "targets", signedBy(root, "targets"));

const signedBy = (delegator: Delegator, role: RoleName) => (bytes: Uint8Array) => {
  const metadata = parseMetadata("targets", role, bytes);
  requireSigned(delegator, role, metadata);
  return metadata;
};

type Read = (path: string, limit: number) => Promise<Uint8Array>;

const selfSigned = (bytes: Uint8Array): Metadata<"root"> => {
  const metadata = parseMetadata("root", "root", bytes);
  requireSigned(metadata, "root", metadata);
  return metadata;
};

/** The operator may have come to trust a newer one than was seen. */
function keptRoot({ state, root: pinned }: TrustOptions): Metadata<"root"> {
  const first = selfSigned(pinned);
  const stored = kept(state, "root", selfSigned);
  return stored && stored.signed.version >= first.signed.version ? stored : first;
}

/** 5.3: each root is signed by the keys of the one before and by its own; none is left out. */
async function newestRoot(options: TrustOptions, read: Read): Promise<Metadata<"root">> {
  const { state } = options;
  let root = keptRoot(options);
  for (let more = 0; more < mostRoots; more++) {
    const version = root.signed.version + 1;
    let bytes: Uint8Array;
    try {
      bytes = await read(`${version}.root.json`, limits.root);
    } catch (error) {
      if (error instanceof RegistryError && error.code === "REGISTRY_NOT_FOUND") return root;
      throw error;
    }
    const next = selfSigned(bytes);
    requireSigned(root, "root", next);
    if (next.signed.version !== version)
      throw new RegistryError(
        "REGISTRY_METADATA_INVALID",
        `${version}.root.json of the registry says that it is version ${next.signed.version}`,
      );
    // 5.3.11: what a stolen key of these said (a version as high as there is) must not outlive the key.
    const isOther = (role: "timestamp" | "snapshot") => !Bun.deepEquals(root.signed.roles[role], next.signed.roles[role]);
    if (isOther("timestamp") || isOther("snapshot")) for (const role of ["timestamp", "snapshot"]) state.remove(role);
    state.write("root", bytes);
    root = next;
  }
  throw new RegistryError(
    "REGISTRY_METADATA_INVALID",
    `the registry has changed its root more than ${mostRoots} times since it was seen last`,
  );
}

const timestampBy = (root: Metadata<"root">) => (bytes: Uint8Array) => {
  const metadata = parseMetadata("timestamp", "timestamp", bytes);
  requireSigned(root, "timestamp", metadata);
  return metadata;
};

/** Until when what was heard last counts, without asking; undefined: nothing was heard. */
export const keptUntil = (options: TrustOptions): string | undefined =>
  kept(options.state, "timestamp", timestampBy(keptRoot(options)))?.signed.expires;

/** 5.4 */
async function newestTimestamp({ state, now }: TrustOptions, root: Metadata<"root">, read: Read): Promise<Metadata<"timestamp">> {
  const signed = timestampBy(root);
  const before = kept(state, "timestamp", signed);
  const bytes = await read("timestamp.json", limits.timestamp);
  const next = signed(bytes);
  if (before) {
    requireNotOlder("timestamp", before.signed.version, next.signed.version);
    requireNotOlder("snapshot", before.signed.meta["snapshot.json"].version, next.signed.meta["snapshot.json"].version);
    requireNotOlder("revocations", before.signed.revocations?.version ?? 0, next.signed.revocations?.version ?? 0);
    if (before.signed.version === next.signed.version) {
      requireFresh("timestamp", before, now);
      return before;
    }
  }
  requireFresh("timestamp", next, now);
  state.write("timestamp", bytes);
  return next;
}

/** 5.5 */
async function matchingSnapshot(
  { state, now }: TrustOptions,
  root: Metadata<"root">,
  timestamp: Metadata<"timestamp">,
  read: Read,
): Promise<Metadata<"snapshot">> {
  const meta = timestamp.signed.meta["snapshot.json"];
  const signed = (bytes: Uint8Array) => {
    const metadata = parseMetadata("snapshot", "snapshot", bytes);
    requireSigned(root, "snapshot", metadata);
    return metadata;
  };
  const before = kept(state, "snapshot", signed);
  if (before?.signed.version === meta.version) {
    requireSame("snapshot", meta, state.read("snapshot")!);
    requireFresh("snapshot", before, now);
    return before;
  }
  const bytes = await read(`${meta.version}.snapshot.json`, Math.min(meta.length, limits.announced));
  requireSame("snapshot", meta, bytes);
  const next = signed(bytes);
  requireVersion("snapshot", next, meta);
  for (const [file, { version }] of Object.entries(before?.signed.meta ?? {})) {
    const then = next.signed.meta[file];
    if (then === undefined) throw new RegistryError("REGISTRY_METADATA_OLDER", `the registry's snapshot has lost ${file}`);
    requireNotOlder(file, version, then.version);
  }
  requireFresh("snapshot", next, now);
  state.write("snapshot", bytes);
  return next;
}

/** What is kept, unless it does not hold any more: then it is as if nothing were kept, and everything is asked for anew. */
function kept<Of extends MetadataKind>(
  state: TrustState,
  role: string,
  check: (bytes: Uint8Array) => Metadata<Of>,
): Metadata<Of> | undefined {
  const bytes = state.read(role);
  if (bytes === undefined) return undefined;
  try {
    return check(bytes);
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

function requireNotOlder(what: string, before: number, now: number): void {
  if (now < before)
    throw new RegistryError(
      "REGISTRY_METADATA_OLDER",
      `${what} of the registry was seen in version ${before}, and now comes in version ${now}: a mirror that is behind has to be made again, else ask whoever runs the registry`,
    );
}

function requireVersion(role: string, { signed }: Metadata, { version }: MetaFile): void {
  if (signed.version !== version)
    throw new RegistryError(
      "REGISTRY_METADATA_MIXED",
      `${role}.json of the registry is version ${signed.version}, where ${version} belongs`,
    );
}

function requireSame(role: string, { length, hashes }: MetaFile, bytes: Uint8Array): void {
  if (bytes.length !== length || sha256Of(bytes) !== hashes.sha256)
    throw new RegistryError("REGISTRY_METADATA_MIXED", `${role}.json of the registry is another than the one that belongs there`);
}

function requireFresh(role: string, { signed }: Metadata, now: () => number): void {
  if (now() >= Date.parse(signed.expires))
    throw new RegistryError(
      "REGISTRY_METADATA_EXPIRED",
      `${role}.json of the registry has expired at ${signed.expires}: is the clock right?`,
    );
}

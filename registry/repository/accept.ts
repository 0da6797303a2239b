/** Whether a publisher's new list of releases may take the place of the one before. */
import { RegistryError } from "../error.ts";
import { folderOf, type Release, releaseAt } from "../name.ts";
import { readNotes } from "../notes.ts";
import type { Revocation } from "../revocations.ts";
import { sha256Of } from "../sha256.ts";
import type { Metadata, TargetFile } from "../trust/metadata.ts";
import { ownerIn } from "../trust/owner.ts";
import { requireSignedByUnrevoked } from "../trust/revoked-keys.ts";
import { publisherRole } from "../trust/role.ts";
import { nameTaken } from "./claim.ts";

export interface Submitted {
  readonly publisher: string;
  readonly list: Metadata<"targets">;
  readonly before: Metadata<"targets"> | undefined;
  readonly archives: ReadonlyMap<string, Uint8Array>;
  /** What says whose that name is. */
  namesOf(release: Release): Metadata<"targets">;
  /** All that say whose keys are the publisher's. */
  readonly delegators: readonly Metadata<"targets">[];
  readonly revocations: readonly Revocation[];
  readonly now: () => number;
}

/** The paths that are new in it. Throws `REGISTRY_METADATA_*`, `REGISTRY_VERSION_TAKEN`, `REGISTRY_FILE_WRONG`, `REGISTRY_NOT_FOUND`. */
export function acceptList({ publisher, list, before, archives, namesOf, delegators, revocations, now }: Submitted): readonly string[] {
  const role = publisherRole(publisher);
  const { version, targets, delegations, expires } = list.signed;
  const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `${role}.json: ${why}`);
  if (version !== (before?.signed.version ?? 0) + 1) throw refuse(`expected version ${(before?.signed.version ?? 0) + 1}, came ${version}`);
  if (delegations) throw refuse("a publisher hands nothing on to others");
  if (now() >= Date.parse(expires)) throw refuse(`it has expired at ${expires}`);
  const isOwn = (release: Release) =>
    namesOf(release)
      .signed.delegations?.roles.find(({ name }) => name === role)
      ?.paths.includes(`${folderOf(release)}/*`) === true;
  for (const [path, { custom }] of Object.entries(targets)) {
    const release = releaseAt(path);
    if (!release) throw refuse(`${path} is no place of a release`);
    readNotes(custom, path);
    if (isOwn(release)) continue;
    const owner = ownerIn(namesOf(release).signed, release);
    throw owner === undefined
      ? new RegistryError("REGISTRY_NOT_FOUND", `${release.id} is not registered for ${publisher}`)
      : nameTaken(release, owner, publisher);
  }
  if (delegators.length === 0) throw new RegistryError("REGISTRY_NOT_FOUND", `nothing is registered for ${publisher}`);
  for (const delegator of delegators) requireSignedByUnrevoked(delegator, role, list, revocations);
  // What was handed over to another publisher is gone from the list, and nothing else.
  for (const [path, target] of Object.entries(before?.signed.targets ?? {}))
    if (isOwn(releaseAt(path)!)) requireKept(path, target, targets[path]);
  const fresh = Object.keys(targets).filter((path) => before?.signed.targets[path] === undefined);
  for (const path of fresh) requireArchive(path, targets[path]!, archives.get(path));
  return fresh;
}

/** That a release is as it was published: all that its publisher may change of it is whether it is taken back, and how it is tagged. */
export function requireKept(path: string, before: TargetFile, now: TargetFile | undefined): void {
  const taken = (what: string) =>
    new RegistryError(
      "REGISTRY_VERSION_TAKEN",
      `${path} is published${what}: a version stays as it is, and is yanked when it should not be used`,
    );
  if (now?.length !== before.length || now.hashes.sha256 !== before.hashes.sha256) throw taken("");
  const { yanked: _then, tags: _before, ...then } = readNotes(before.custom, path);
  const { yanked: _later, tags: _after, ...later } = readNotes(now.custom, path);
  if (!Bun.deepEquals(then, later)) throw taken(", and so is what was said of it");
}

function requireArchive(path: string, { length, hashes }: TargetFile, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) throw new RegistryError("REGISTRY_NOT_FOUND", `${path} is new, and its archive did not come`);
  const sha256 = sha256Of(bytes);
  if (bytes.length === length && sha256 === hashes.sha256) return;
  const came = `expected SHA-256 ${hashes.sha256} of ${length} bytes, came ${sha256} of ${bytes.length}`;
  throw new RegistryError("REGISTRY_FILE_WRONG", `${path}: ${came}`);
}

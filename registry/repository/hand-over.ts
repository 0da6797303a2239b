/** A name that becomes another publisher's, and a publisher who signs with other keys. */
import { RegistryError } from "../error.ts";
import { placeOf } from "../layout.ts";
import { checkedName, type PackageName, releaseAt } from "../name.ts";
import { keyRevocationOf, type Revocation } from "../revocations.ts";
import { type PublicKey, publicKeyOf, type Signer } from "../trust/key.ts";
import { type Metadata, parseMetadata } from "../trust/metadata.ts";
import { hexKeysOf, type Owner, ownerIn, publisherIn } from "../trust/owner.ts";
import { requireSignedByUnrevoked } from "../trust/revoked-keys.ts";
import { publisherRole } from "../trust/role.ts";
import { isSignedBy, parseStatement, type Rekey, type Statement, type Transfer } from "../trust/statement.ts";
import { acceptList, requireKept } from "./accept.ts";
import { claimedIn, rekeyedIn, releasedIn } from "./claim.ts";
import { currentRoot, type Roles, withChanged } from "./current.ts";
import type { RepositoryFiles } from "./files.ts";
import { namesRoleOf, namesRolesWith, signNames } from "./names.ts";

interface HandOver {
  readonly files: RepositoryFiles;
  readonly roles: Roles;
  readonly revocations: readonly Revocation[];
  readonly online: Signer;
  readonly now: () => number;
}

interface Changed {
  readonly changed: ReadonlyMap<string, Uint8Array>;
  readonly packages: readonly PackageName[];
}

/** Throws `REGISTRY_METADATA_UNSIGNED` unless its publisher wants that, or the founders do; and whoever signed it may not use it twice. */
function requireWish(
  { files, roles, revocations, now }: HandOver,
  wish: Statement<Transfer | Rekey>,
  publisher: string,
  owner: Owner | undefined,
): void {
  const { list, expires } = wish.signed;
  const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `the ${wish.signed._type} that was asked for: ${why}`);
  if (!owner) throw new RegistryError("REGISTRY_NOT_FOUND", `nothing is registered for ${publisher}`);
  // A date that is none is one that has passed.
  if (!(now() < Date.parse(expires))) throw refuse(`it has expired at ${expires}`);
  const current = roles(publisherRole(publisher))?.signed.version ?? 0;
  if (list !== current) throw refuse(`it speaks of list ${list} of ${publisher}, and the last is ${current}`);
  const { keys, roles: top } = currentRoot(files).signed;
  const founders: readonly PublicKey[] = top.targets.keyids.map((id) => publicKeyOf(keys[id]!.keyval.public));
  const own = owner.keys.filter(({ json }) => !keyRevocationOf(revocations, json.keyval.public));
  if (isSignedBy(wish, own, owner.threshold) || isSignedBy(wish, founders, top.targets.threshold)) return;
  throw new RegistryError(
    "REGISTRY_METADATA_UNSIGNED",
    `the ${wish.signed._type} is signed neither by ${publisher} nor by the registry's founders`,
  );
}

/** That the name may go where the statement says. Throws as `requireWish`, `REGISTRY_NOT_FOUND` and `REGISTRY_NAME_TAKEN`. */
export function requireTransfer(on: HandOver, statement: Uint8Array): Transfer {
  const { roles } = on;
  const wish = parseStatement("transfer", statement);
  const { kind, id, from, to } = wish.signed;
  const name: PackageName = { kind, id: checkedName(id) };
  const names = roles(namesRoleOf(roles, name))!;
  if (ownerIn(names.signed, name) !== from) throw new RegistryError("REGISTRY_NOT_FOUND", `${id} is not registered for ${from}`);
  if (checkedName(to) === from) throw new RegistryError("REGISTRY_NAME_TAKEN", `${id} is ${from}'s already`);
  requireWish(on, wish, from, publisherIn(names.signed, from));
  return wish.signed;
}

/** `list` is the new owner's, with every release that there is of the package. */
export function transferred(on: HandOver, statement: Uint8Array, list: Uint8Array, newcomer: Owner | undefined): Changed {
  const { files, roles, revocations, online, now } = on;
  const { kind, id, from, to, keys } = requireTransfer(on, statement);
  const name: PackageName = { kind, id };
  const role = namesRoleOf(roles, name);
  const names = roles(role)!;
  const known = ownerOf(roles, to);
  const next = known ?? newcomer;
  if (!next) throw new RegistryError("REGISTRY_NOT_FOUND", `nothing is registered for ${to}: its keys are needed`);
  if (!Bun.deepEquals([...keys].sort(), hexKeysOf(next)))
    throw new RegistryError("REGISTRY_FORBIDDEN", `${id} is offered to ${to} with the keys ${keys.join(", ")}, and came with others`);
  const given = { ...names.signed, delegations: releasedIn(names.signed, name, from) };
  const changed = new Map([[role, signNames(names, claimedIn(given, name, to, next), online, now)]]);
  const after = withChanged(roles, changed);
  const releases = Object.entries(roles(publisherRole(from))?.signed.targets ?? {}).filter(([path]) => {
    const release = releaseAt(path);
    return release?.kind === kind && release.id === id;
  });
  const own = parseMetadata("targets", publisherRole(to), list);
  for (const [path, target] of releases) requireKept(path, target, own.signed.targets[path]);
  const archives = new Map(releases.map(([path, { hashes }]) => [path, files.read(placeOf(path, hashes.sha256))!]));
  acceptList({
    publisher: to,
    list: own,
    before: roles(publisherRole(to)),
    archives,
    namesOf: (release) => after(namesRoleOf(after, release))!,
    delegators: namesRolesWith(after, to).map((one) => after(one)!),
    revocations,
    now,
  });
  return { changed: changed.set(publisherRole(to), list), packages: [name] };
}

/**
 * `list` is what the publisher has published, once more, signed by the new keys; where the old ones have signed it too, that is wish enough, and
 * otherwise `statement` is needed.
 */
export function rekeyed(on: HandOver, publisher: string, owner: Owner, list: Uint8Array, statement: Uint8Array | undefined): Changed {
  const { roles, revocations, online, now } = on;
  const role = publisherRole(publisher);
  const own = parseMetadata("targets", role, list);
  const parts = namesRolesWith(roles, publisher);
  if (statement === undefined) requireOldKeys(on, parts, own, publisher);
  else {
    const wish = parseStatement("rekey", statement);
    const { keys, threshold } = wish.signed;
    if (wish.signed.publisher !== publisher || threshold !== owner.threshold || !Bun.deepEquals([...keys].sort(), hexKeysOf(owner)))
      throw new RegistryError("REGISTRY_METADATA_INVALID", "the rekey that was asked for speaks of other keys");
    requireWish(on, wish, publisher, ownerOf(roles, publisher));
  }
  const changed = new Map(
    parts.map((part) => [part, signNames(roles(part)!, rekeyedIn(roles(part)!.signed, publisher, owner), online, now)] as const),
  );
  const after = withChanged(roles, changed);
  acceptList({
    publisher,
    list: own,
    before: roles(role),
    archives: new Map(),
    namesOf: (release) => after(namesRoleOf(after, release))!,
    delegators: parts.map((part) => after(part)!),
    revocations,
    now,
  });
  return { changed: changed.set(role, list), packages: [] };
}

/** That the keys that counted before want it too: the founders alone help whoever has lost them, or had them revoked. */
function requireOldKeys({ roles, revocations }: HandOver, parts: readonly string[], own: Metadata<"targets">, publisher: string): void {
  if (parts.length === 0) throw new RegistryError("REGISTRY_NOT_FOUND", `nothing is registered for ${publisher}`);
  for (const part of parts) requireSignedByUnrevoked(roles(part)!, publisherRole(publisher), own, revocations);
}

/** With which keys a publisher signs: the same in all parts. */
export function ownerOf(roles: Roles, publisher: string): Owner | undefined {
  const [part] = namesRolesWith(roles, publisher);
  return part === undefined ? undefined : publisherIn(roles(part)!.signed, publisher);
}

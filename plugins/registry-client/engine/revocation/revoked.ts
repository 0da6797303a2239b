/** What is installed, or kept to go back to, and nobody should run any more: a word beside its folder keeps it from being run. */
import { rmSync } from "node:fs";
import { revokedFileOf, revokedWords } from "@pincer/plugin-sdk/revoked";
import { compareVersions, type PackageName } from "@pincer/registry/name";
import { type KeyRevocation, keyRevocationOf, type Revocation, revocationOf } from "@pincer/registry/revocations";
import { type Static, Type } from "@sinclair/typebox";
import { clientErrors } from "../../errors.ts";
import type { Notice } from "../../notice.ts";
import { closed, one } from "../../schema.ts";
import type { FoundPackage, RegistrySources } from "../../sources/registry.ts";
import { folderOf, pointedAt, replaceFile } from "../home/layout.ts";
import { keyOf, type LockEntry, type LockedVersion, nameOf, type Packages, versionsIn } from "../home/lock.ts";
import { owe } from "../home/owed.ts";

export const Revoked = closed({
  kind: one("plugins", "skills"),
  id: Type.String(),
  version: Type.String(),
  /** Whose word it is. */
  registry: Type.String(),
  reason: Type.String(),
  /** Since when. */
  at: Type.String(),
  /** The version to go to instead, where one is known. */
  lastGood: Type.Union([Type.String(), Type.Null()]),
  /** What to type. */
  next: Type.String(),
});
export type Revoked = Static<typeof Revoked>;

/** By name, the registries that something is installed from. */
export const registriesIn = (packages: Packages): readonly string[] => [
  ...new Set(Object.values(packages).flatMap(({ origin }) => (origin.from === "registry" ? [origin.registry] : []))),
];

export const inRegistry = (registry: string, { origin }: LockedVersion): boolean =>
  origin.from === "registry" && origin.registry === registry;

export interface Marked {
  /** What is installed, is revoked, and was not known to be. */
  readonly stopped: readonly Revoked[];
  /** What was revoked, and is no more. */
  readonly restored: readonly (PackageName & { readonly version: string })[];
}

/** What one registry says of what was installed from it. */
export interface Said {
  readonly registry: string;
  readonly list: readonly Revocation[];
  /** Why nothing of it counts any more. */
  readonly authority: KeyRevocation | undefined;
  /** Whether what it does not name is not revoked. */
  readonly isComplete: boolean;
  /** By key, the packages that a revoked key has signed, as they are signed today; undefined: by nobody who counts. Nothing of those that were not asked about. */
  readonly today: ReadonlyMap<string, FoundPackage | undefined>;
}

/** Brings the words beside the folders in step with what one registry says. */
export function markRevoked(home: string, packages: Packages, said: Said): Marked {
  const stopped: Revoked[] = [];
  const restored: (PackageName & { readonly version: string })[] = [];
  for (const [key, entry] of Object.entries(packages)) {
    const name = nameOf(key);
    for (const locked of versionsIn(entry)) {
      if (!inRegistry(said.registry, locked)) continue;
      const folder = folderOf(home, name, locked.digest);
      const known = revokedWords(folder);
      const why = whyRevoked(said, name, locked);
      if (why) {
        const revoked = { ...name, version: locked.version, registry: said.registry, ...why, ...insteadOf(said, name, entry, locked, why) };
        const words = wordsOf(revoked);
        const { whose: _, ...told } = revoked;
        const isNew = known === undefined && locked === entry;
        if (isNew) owe(home, "registry-client.revoked", [shownVersion(told), `registry ${told.registry}`, `offered: ${told.next}`]);
        // Who was not asked knows less of what to type.
        if (known === undefined || (said.isComplete && known !== words)) replaceFile(revokedFileOf(folder), `${words}\n`);
        if (isNew) stopped.push(told);
      } else if (known !== undefined && said.isComplete) {
        if (locked === entry) owe(home, "registry-client.restored", [shownVersion({ ...name, version: locked.version })]);
        rmSync(revokedFileOf(folder), { force: true });
        if (locked === entry) restored.push({ ...name, version: locked.version });
      }
    }
  }
  return { stopped, restored };
}

const shownVersion = ({ kind, id, version }: Pick<Revoked, "kind" | "id" | "version">): string => `${kind}/${id}@${version}`;

interface Why {
  readonly reason: string;
  readonly at: string;
  readonly lastGood: string | null;
  /** Of a revoked key. */
  readonly whose?: string;
}

/** By its name, because the registry itself counts no more, or because of who has signed it. */
function whyRevoked({ registry, list, authority, today }: Said, name: PackageName, locked: LockedVersion): Why | undefined {
  const named = revocationOf(list, { ...name, version: locked.version });
  if (named) return { reason: named.reason, at: named.at, lastGood: named.lastGood ?? null };
  const byKey = ({ reason, at }: KeyRevocation, whose: string): Why => ({ reason, at, lastGood: null, whose });
  if (authority) return byKey(authority, `the registry ${registry} itself`);
  const key = keyRevocationIn(list, locked);
  if (!key) return undefined;
  const isAsked = today.has(keyOf(name));
  const isGood = isAsked ? isSignedToday(today.get(keyOf(name)), locked) : hasKeysLeft(list, locked);
  return isGood ? undefined : byKey(key, locked.publisher!.name);
}

/** Of the keys that may have signed it, the first that is revoked. */
export const keyRevocationIn = (list: readonly Revocation[], { publisher }: LockedVersion): KeyRevocation | undefined =>
  publisher?.keys.flatMap((key) => keyRevocationOf(list, key) ?? [])[0];

/** The same by what was heard last. */
export const isKeyRevoked = (registries: Pick<RegistrySources, "knownRevocations">, locked: LockedVersion): boolean =>
  locked.origin.from === "registry" && keyRevocationIn(registries.knownRevocations(locked.origin.registry), locked) !== undefined;

const hasKeysLeft = (list: readonly Revocation[], { publisher }: LockedVersion): boolean =>
  publisher!.keys.filter((key) => !keyRevocationOf(list, key)).length >= publisher!.threshold;

/** Whether the same publisher stands by the same bytes, with keys that count, and has not taken them back. */
export const isSignedToday = (found: FoundPackage | undefined, { origin, publisher }: LockedVersion): boolean =>
  found?.publisher.name === publisher?.name &&
  origin.from === "registry" &&
  found?.releases.some(({ path, sha256, notes }) => path === origin.path && sha256 === origin.sha256 && !notes.yanked) === true;

/** What to type, and the version to which that leads. */
function insteadOf(
  said: Said,
  name: PackageName,
  { before }: LockEntry,
  { version }: LockedVersion,
  { lastGood, whose }: Why,
): Pick<Revoked, "lastGood" | "next"> {
  if (before && before.version !== version && !whyRevoked(said, name, before))
    return { lastGood: lastGood ?? before.version, next: `pincer rollback ${name.id}` };
  const other = whose === undefined ? undefined : said.today.get(keyOf(name))?.releases.find(({ notes }) => !notes.yanked)?.version;
  if (other === undefined) return { lastGood, next: again(name, lastGood) };
  return { lastGood: other, next: compareVersions(other, version) > 0 ? `pincer update ${name.id}` : again(name, other) };
}

const again = ({ id }: PackageName, lastGood: string | null): string =>
  lastGood === null ? `pincer update ${id}` : `pincer install ${id}@${lastGood}`;

/** For people, also where nobody of ours is there to explain it. */
const wordsOf = ({ id, version, registry, reason, at, whose, next }: Omit<Revoked, "lastGood" | "kind"> & Pick<Why, "whose">): string => {
  const said = reason.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  const what = whose === undefined ? `is revoked by ${registry}` : `is signed with a key of ${whose}, which ${registry} has revoked,`;
  return `${id} ${version} ${what} since ${at.slice(0, 10)}: ${said}; what to type: ${next}`;
};

/** Why the version that counts is not run. */
export function revokedNow(home: string, name: PackageName): string | undefined {
  const digest = pointedAt(home, name, "current");
  return digest === undefined ? undefined : revokedWords(folderOf(home, name, digest));
}

/** Of what is installed, for somebody who is shown more of it. */
export function revokedNotices(home: string, registries: Known, name: PackageName, locked: LockedVersion): Notice[] {
  const [text] = revokedAsKnown(home, registries, name, locked)?.split("; what to type: ") ?? [];
  return text === undefined ? [] : [{ code: "revoked", level: "warning", text }];
}

type Known = Pick<RegistrySources, "knownRevocations" | "knownAuthority">;

/** Throws `REGISTRY_CLIENT_REVOKED` for a version that lies here, or did, and that nobody should run: without asking anybody anew. */
export function requireUnrevoked(home: string, registries: Known, name: PackageName, locked: LockedVersion): void {
  const words = revokedAsKnown(home, registries, name, locked);
  if (words !== undefined) throw clientErrors.REGISTRY_CLIENT_REVOKED(words, { data: { id: name.id, version: locked.version } });
}

/** Why nobody should run it, for people. */
export function revokedAsKnown(home: string, registries: Known, name: PackageName, locked: LockedVersion): string | undefined {
  const { origin, version, digest } = locked;
  if (origin.from !== "registry") return undefined;
  const { registry } = origin;
  const said = { list: registries.knownRevocations(registry), authority: registries.knownAuthority(registry), today: new Map() };
  const why = whyRevoked({ registry, isComplete: false, ...said }, name, locked);
  // The word beside it was written by who knew more of what to type.
  return (
    revokedWords(folderOf(home, name, digest)) ?? (why && wordsOf({ ...name, version, registry, ...why, next: again(name, why.lastGood) }))
  );
}

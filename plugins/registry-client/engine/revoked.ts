/** What is installed, or kept to go back to, and nobody should run any more: a word beside its folder keeps it from being run. */
import { rmSync } from "node:fs";
import { revokedFileOf, revokedWords } from "@pincer/plugin-sdk/revoked";
import type { PackageName } from "@pincer/registry/name";
import { type PackageRevocation, type Revocation, revocationOf } from "@pincer/registry/revocations";
import { type Static, Type } from "@sinclair/typebox";
import { clientErrors } from "../errors.ts";
import type { RegistrySources } from "../sources/registry.ts";
import { folderOf, pointedAt, replaceFile } from "./layout.ts";
import { type LockEntry, type LockedVersion, nameOf, type Packages } from "./lock.ts";
import { PlanItem } from "./plan.ts";

export const Revoked = Type.Object(
  {
    kind: PlanItem.properties.kind,
    id: Type.String(),
    version: Type.String(),
    /** Whose word it is. */
    registry: Type.String(),
    reason: Type.String(),
    /** The version to go back to, as whoever revoked it says. */
    lastGood: Type.Union([Type.String(), Type.Null()]),
    /** What to type. */
    next: Type.String(),
  },
  { additionalProperties: false },
);
export type Revoked = Static<typeof Revoked>;

/** By name, the registries that something is installed from. */
export const registriesIn = (packages: Packages): readonly string[] => [
  ...new Set(Object.values(packages).flatMap(({ origin }) => (origin.from === "registry" ? [origin.registry] : []))),
];

const inRegistry = (registry: string, { origin }: LockedVersion): boolean => origin.from === "registry" && origin.registry === registry;

export interface Marked {
  /** What is installed, is revoked, and was not known to be. */
  readonly stopped: readonly Revoked[];
  /** What was revoked, and is no more. */
  readonly restored: readonly (PackageName & { readonly version: string })[];
}

/** Brings the words beside the folders in step with what one registry says. `isComplete`: what it does not name is not revoked. */
export function markRevoked(
  home: string,
  packages: Packages,
  { registry, list, isComplete }: { readonly registry: string; readonly list: readonly Revocation[]; readonly isComplete: boolean },
): Marked {
  const stopped: Revoked[] = [];
  const restored: (PackageName & { readonly version: string })[] = [];
  for (const [key, entry] of Object.entries(packages)) {
    const name = nameOf(key);
    for (const locked of [entry, ...(entry.before ? [entry.before] : [])]) {
      if (!inRegistry(registry, locked)) continue;
      const release = { ...name, version: locked.version };
      const folder = folderOf(home, name, locked.digest);
      const known = revokedWords(folder);
      const revocation = revocationOf(list, release);
      if (revocation) {
        const revoked = revokedIn(name, entry, locked, registry, revocation, list);
        if (known !== wordsOf(revoked)) replaceFile(revokedFileOf(folder), `${wordsOf(revoked)}\n`);
        if (known === undefined && locked === entry) stopped.push(revoked);
      } else if (known !== undefined && isComplete) {
        rmSync(revokedFileOf(folder), { force: true });
        if (locked === entry) restored.push(release);
      }
    }
  }
  return { stopped, restored };
}

function revokedIn(
  name: PackageName,
  { before }: LockEntry,
  locked: LockedVersion,
  registry: string,
  { reason, lastGood }: PackageRevocation,
  list: readonly Revocation[],
): Revoked {
  const isKept = before !== undefined && before !== locked && !revocationOf(list, { ...name, version: before.version });
  const next = isKept ? `pincer rollback ${name.id}` : again(name, { lastGood });
  return { ...name, version: locked.version, registry, reason, lastGood: lastGood ?? null, next };
}

const again = ({ id }: PackageName, { lastGood }: { readonly lastGood?: string | undefined }): string =>
  lastGood === undefined ? `pincer update ${id}` : `pincer install ${id}@${lastGood}`;

/** For people, also where nobody of ours is there to explain it. */
const wordsOf = ({ id, version, registry, reason, next }: Omit<Revoked, "lastGood">): string => {
  const said = reason.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return `${id} ${version} is revoked by ${registry}: ${said}; what to type: ${next}`;
};

/** Why the version that counts is not run. */
export function revokedNow(home: string, name: PackageName): string | undefined {
  const digest = pointedAt(home, name, "current");
  return digest === undefined ? undefined : revokedWords(folderOf(home, name, digest));
}

/** Throws `REGISTRY_CLIENT_REVOKED` for a version that lies here, or did, and that nobody should run: without asking anybody anew. */
export function requireUnrevoked(
  home: string,
  registries: Pick<RegistrySources, "knownRevocations">,
  name: PackageName,
  locked: LockedVersion,
): void {
  const { origin, version, digest } = locked;
  if (origin.from !== "registry") return;
  const revocation = revocationOf(registries.knownRevocations(origin.registry), { ...name, version });
  const why = revocation
    ? wordsOf({ ...name, version, registry: origin.registry, reason: revocation.reason, next: again(name, revocation) })
    : revokedWords(folderOf(home, name, digest));
  if (why !== undefined) throw clientErrors.REGISTRY_CLIENT_REVOKED(why, { data: { id: name.id, version } });
}

/** What nobody should run any more, as whoever may revoke in a registry signs it (`revocations.json`). */
import { type Static, Type } from "@sinclair/typebox";
import { RegistryError } from "./error.ts";
import { readJson } from "./json.ts";
import { isName, isVersion, type Release } from "./name.ts";
import { closed, hex, kind, time } from "./schema.ts";

/** Where the list lies among a registry's targets, and the most that is read of it. */
export const revocationsPath = "revocations.json";
export const longestRevocations = 4 * 2 ** 20;

const told = {
  /** For people: what is wrong with it. */
  reason: Type.String({ minLength: 1, maxLength: 500 }),
  at: time,
};
const ofPackage = Type.Object(
  {
    kind,
    id: Type.String(),
    /** Absent: all of the package, those that are to come too. */
    versions: Type.Optional(Type.Array(Type.String(), { minItems: 1, uniqueItems: true })),
    /** What to go back to. */
    lastGood: Type.Optional(Type.String()),
    ...told,
  },
  closed,
);
/** An Ed25519 public key in hex: its signature counts no more, for nobody. */
const ofKey = Type.Object({ key: hex(64), ...told }, closed);
const list = Type.Object({ revocations: Type.Array(Type.Union([ofPackage, ofKey])) }, closed);

export type PackageRevocation = Static<typeof ofPackage>;
export type KeyRevocation = Static<typeof ofKey>;
export type Revocation = PackageRevocation | KeyRevocation;

/** Throws `REGISTRY_METADATA_INVALID`. */
export function readRevocations(bytes: Uint8Array): readonly Revocation[] {
  const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `${revocationsPath} of the registry: ${why}`);
  const { revocations } = readJson(list, bytes, refuse);
  for (const one of revocations)
    if ("id" in one) {
      if (!isName(one.id)) throw refuse(`${JSON.stringify(one.id)} is no name`);
      const wrong = [...(one.versions ?? []), ...(one.lastGood === undefined ? [] : [one.lastGood])].find((text) => !isVersion(text));
      if (wrong !== undefined) throw refuse(`${JSON.stringify(wrong)} is no version`);
    }
  return revocations;
}

/** Throws as `readRevocations`, so that nobody signs what no client reads. */
export function revocationsFile(revocations: readonly Revocation[]): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(JSON.stringify({ revocations }));
  readRevocations(bytes);
  return bytes;
}

/** Why nobody should run that release, whoever signed it. */
export const revocationOf = (list: readonly Revocation[], { kind, id, version }: Release): PackageRevocation | undefined =>
  list.find(
    (one): one is PackageRevocation => "id" in one && one.kind === kind && one.id === id && (one.versions?.includes(version) ?? true),
  );

/** Why that publisher's key counts no more. */
export const keyRevocationOf = (list: readonly Revocation[], key: string): KeyRevocation | undefined =>
  list.find((one): one is KeyRevocation => "key" in one && one.key === key);

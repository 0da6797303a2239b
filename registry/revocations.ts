/** What nobody should run any more, as whoever may revoke in a registry signs it (`revocations.json`). */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { RegistryError } from "./error.ts";
import { isName, isVersion, type Release } from "./name.ts";

/** Where the list lies among a registry's targets, and the most that is read of it. */
export const revocationsPath = "revocations.json";
export const longestRevocations = 4 * 2 ** 20;

const closed = { additionalProperties: false } as const;
const told = {
  /** For people: what is wrong with it. */
  reason: Type.String({ minLength: 1, maxLength: 500 }),
  at: Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$" }),
};
const ofPackage = Type.Object(
  {
    kind: Type.Union([Type.Literal("plugins"), Type.Literal("skills")]),
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
const ofKey = Type.Object({ key: Type.String({ pattern: "^[0-9a-f]{64}$" }), ...told }, closed);
const list = Type.Object({ revocations: Type.Array(Type.Union([ofPackage, ofKey])) }, closed);

export type PackageRevocation = Static<typeof ofPackage>;
export type KeyRevocation = Static<typeof ofKey>;
export type Revocation = PackageRevocation | KeyRevocation;

/** Throws `REGISTRY_METADATA_INVALID`. */
export function readRevocations(bytes: Uint8Array): readonly Revocation[] {
  const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `${revocationsPath} of the registry: ${why}`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw refuse("expected JSON in UTF-8");
  }
  if (!Value.Check(list, json)) {
    const first = Value.Errors(list, json).First();
    throw refuse(`${first?.message ?? "another form was expected"}, at ${first?.path || "/"}`);
  }
  for (const one of json.revocations)
    if ("id" in one) {
      if (!isName(one.id)) throw refuse(`${JSON.stringify(one.id)} is no name`);
      const wrong = [...(one.versions ?? []), ...(one.lastGood === undefined ? [] : [one.lastGood])].find((text) => !isVersion(text));
      if (wrong !== undefined) throw refuse(`${JSON.stringify(wrong)} is no version`);
    }
  return json.revocations;
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

/** What somebody wants to have changed of whose a name is, or of whose keys count for it, signed by who may want that. No metadata: a server acts on it once. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { canonicalize } from "@tufjs/canonical-json";
import { RegistryError } from "../error.ts";
import { type PublicKey, type Signer, verifies } from "./key.ts";

const closed = { additionalProperties: false } as const;
const hex = (length: number) => Type.String({ pattern: `^[0-9a-f]{${length}}$` });
const common = {
  /** Version of the list that the publisher it is taken from has signed last, 0 for none: so that it cannot be used again later. */
  list: Type.Integer({ minimum: 0 }),
  expires: Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$" }),
};

/** A package becomes another publisher's, with all its releases. */
const transfer = Type.Object(
  {
    _type: Type.Literal("transfer"),
    kind: Type.Union([Type.Literal("plugins"), Type.Literal("skills")]),
    id: Type.String(),
    from: Type.String(),
    to: Type.String(),
    ...common,
  },
  closed,
);
/** A publisher signs with these from now on. */
const rekey = Type.Object(
  {
    _type: Type.Literal("rekey"),
    publisher: Type.String(),
    keys: Type.Array(hex(64), { minItems: 1, maxItems: 32, uniqueItems: true }),
    threshold: Type.Integer({ minimum: 1, maximum: 32 }),
    ...common,
  },
  closed,
);
const signature = Type.Object({ keyid: hex(64), sig: hex(128) }, closed);
const envelopes = {
  transfer: Type.Object({ signatures: Type.Array(signature, { maxItems: 64 }), signed: transfer }, closed),
  rekey: Type.Object({ signatures: Type.Array(signature, { maxItems: 64 }), signed: rekey }, closed),
} as const;

export type Transfer = Static<typeof transfer>;
export type Rekey = Static<typeof rekey>;
export interface Statement<Of extends Transfer | Rekey> {
  readonly signatures: readonly Static<typeof signature>[];
  readonly signed: Of;
}

export function signStatement(signed: Transfer | Rekey, signers: readonly Signer[]): Uint8Array<ArrayBuffer> {
  const canonical = Buffer.from(canonicalize(signed));
  const signatures = signers.map((signer) => ({ keyid: signer.id, sig: signer.sign(canonical) }));
  return new TextEncoder().encode(JSON.stringify({ signatures, signed }));
}

/** Throws `REGISTRY_METADATA_INVALID`. */
export function parseStatement<Kind extends keyof typeof envelopes>(
  kind: Kind,
  bytes: Uint8Array,
): Statement<Extract<Transfer | Rekey, { _type: Kind }>> {
  const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `the ${kind} that was asked for: ${why}`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw refuse("expected JSON in UTF-8");
  }
  const schema: TSchema = envelopes[kind];
  if (Value.Check(schema, json)) return json as Statement<Extract<Transfer | Rekey, { _type: Kind }>>;
  const first = Value.Errors(schema, json).First();
  throw refuse(`${first?.message ?? "another form was expected"}, at ${first?.path || "/"}`);
}

/** Whether as many of these keys have signed it. */
export function isSignedBy({ signatures, signed }: Statement<Transfer | Rekey>, keys: readonly PublicKey[], threshold: number): boolean {
  const canonical = Buffer.from(canonicalize(signed));
  const valid = keys.filter((key) => signatures.some(({ keyid, sig }) => keyid === key.id && verifies(key, canonical, sig)));
  return new Set(valid.map(({ id }) => id)).size >= threshold;
}

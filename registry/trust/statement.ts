/** What somebody wants to have changed of whose a name is, or of whose keys count for it, signed by who may want that. No metadata: a server acts on it once. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { RegistryError } from "../error.ts";
import { readJson } from "../json.ts";
import { isName } from "../name.ts";
import { closed, hex, kind, time } from "../schema.ts";
import { type Envelope, envelopeOf, sign, signersOf } from "./envelope.ts";
import type { PublicKey, Signer } from "./key.ts";

const common = {
  /** Version of the list that the publisher it is taken from has signed last, 0 for none: so that it cannot be used again later. */
  list: Type.Integer({ minimum: 0 }),
  expires: time,
};

const publicKeys = Type.Array(hex(64), { minItems: 1, maxItems: 32, uniqueItems: true });

/** A package becomes another publisher's, with all its releases. */
const transfer = Type.Object(
  {
    _type: Type.Literal("transfer"),
    kind,
    id: Type.String(),
    from: Type.String(),
    to: Type.String(),
    /** With which that one signs: a name alone can be anybody's who comes first. */
    keys: publicKeys,
    ...common,
  },
  closed,
);
/** A publisher signs with these from now on. */
const rekey = Type.Object(
  {
    _type: Type.Literal("rekey"),
    publisher: Type.String(),
    keys: publicKeys,
    threshold: Type.Integer({ minimum: 1, maximum: 32 }),
    ...common,
  },
  closed,
);
const envelopes = { transfer: envelopeOf(transfer), rekey: envelopeOf(rekey) } as const;

const offers = Type.Object({ offers: Type.Array(transfer) }, closed);

export type Transfer = Static<typeof transfer>;
export type Rekey = Static<typeof rekey>;
export type Statement<Of extends Transfer | Rekey> = Envelope<Of>;

export const signStatement = (signed: Transfer | Rekey, signers: readonly Signer[]): Uint8Array<ArrayBuffer> => sign(signed, signers);

/** Throws `REGISTRY_METADATA_INVALID`. */
export function parseStatement<Kind extends keyof typeof envelopes>(
  kind: Kind,
  bytes: Uint8Array,
): Statement<Extract<Transfer | Rekey, { _type: Kind }>> {
  const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `the ${kind} that was asked for: ${why}`);
  const envelope: TSchema = envelopes[kind];
  return readJson(envelope, bytes, refuse) as Statement<Extract<Transfer | Rekey, { _type: Kind }>>;
}

/** Whether as many of these keys have signed it. */
export const isSignedBy = (statement: Statement<Transfer | Rekey>, keys: readonly PublicKey[], threshold: number): boolean =>
  signersOf(statement, keys).length >= threshold;

/** What a server says is offered to whom. Throws `REGISTRY_METADATA_INVALID`. */
export const readOffers = (bytes: Uint8Array): readonly Transfer[] =>
  readJson(offers, bytes, (why) => new RegistryError("REGISTRY_METADATA_INVALID", `what is offered: ${why}`)).offers.filter(
    ({ id, to }) => isName(id) && isName(to),
  );

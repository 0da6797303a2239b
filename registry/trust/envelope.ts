/** What is signed, and the signatures beside it: the form of everything that somebody signs in a registry. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { canonicalize } from "@tufjs/canonical-json";
import { closed, hex } from "../schema.ts";
import { type PublicKey, type Signer, verifies } from "./key.ts";

const signature = Type.Object({ keyid: hex(64), sig: hex(128) }, closed);
export const envelopeOf = <Form extends TSchema>(signed: Form) =>
  Type.Object({ signatures: Type.Array(signature, { maxItems: 64 }), signed }, closed);

export interface Envelope<Of> {
  readonly signatures: readonly Static<typeof signature>[];
  readonly signed: Of;
}

/** The file's bytes, with the signatures of these. */
export const sign = (signed: object, signers: readonly Signer[]): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(addSignatures({ signatures: [], signed }, signers)));

/** Those of these keys that have signed it, each once. */
export function signersOf({ signatures, signed }: Envelope<unknown>, keys: readonly PublicKey[]): readonly PublicKey[] {
  const canonical = Buffer.from(canonicalize(signed));
  const all = new Map(keys.map((key) => [key.id, key]));
  return [...all.values()].filter((key) => signatures.some(({ keyid, sig }) => keyid === key.id && verifies(key, canonical, sig)));
}

/** With the signatures of these too, each once. */
export function addSignatures<Of extends Envelope<object>>(envelope: Of, signers: readonly Signer[]): Of {
  const canonical = Buffer.from(canonicalize(envelope.signed));
  const signatures = new Map(envelope.signatures.map((one) => [one.keyid, one]));
  for (const signer of signers) signatures.set(signer.id, { keyid: signer.id, sig: signer.sign(canonical) });
  return { ...envelope, signatures: [...signatures.values()] };
}

/** Ed25519 keys as a registry names them, and signatures by them. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { canonicalize } from "@tufjs/canonical-json";
import { RegistryError } from "../error.ts";
import { closed, hex } from "../schema.ts";
import { sha256Of } from "../sha256.ts";

export const keyJson = Type.Object(
  {
    keytype: Type.Literal("ed25519"),
    scheme: Type.Literal("ed25519"),
    /** 32 bytes. */
    keyval: Type.Object({ public: hex(64) }, closed),
  },
  closed,
);
type KeyJson = Static<typeof keyJson>;

/** SHA-256 of a key's canonical JSON, in hex. */
const idOf = (json: KeyJson): string => sha256Of(canonicalize(json));

export interface PublicKey {
  readonly id: string;
  readonly json: KeyJson;
}

export interface Signer extends PublicKey {
  /** The signature, in hex. */
  sign(data: Uint8Array): string;
}

/** Of 32 bytes in hex. */
export function publicKeyOf(hex: string): PublicKey {
  const json: KeyJson = { keytype: "ed25519", scheme: "ed25519", keyval: { public: hex } };
  return { id: idOf(json), json };
}

/** Whether every key has the id that it must have. One key under two ids would count as two that signed. */
export const areIdsTrue = (keys: Readonly<Record<string, KeyJson>>): boolean =>
  Object.entries(keys).every(([id, json]) => idOf(json) === id);

/** What a SubjectPublicKeyInfo of an Ed25519 key begins with (RFC 8410); the key's 32 bytes follow. */
const spki = Buffer.from("302a300506032b6570032100", "hex");

/** Whether that key has made that signature, in hex. */
export function verifies({ json }: PublicKey, data: Uint8Array, signature: string): boolean {
  const key = createPublicKey({ key: Buffer.concat([spki, Buffer.from(json.keyval.public, "hex")]), format: "der", type: "spki" });
  return verify(null, data, key, Buffer.from(signature, "hex"));
}

/** A new one, with what `openSigner` takes: encrypted, where there is a passphrase. */
export function createSigner(passphrase?: string): { readonly signer: Signer; readonly pem: string } {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ format: "pem", type: "pkcs8", ...(passphrase !== undefined && { cipher: "aes-256-cbc", passphrase }) });
  return { signer: signerOf(privateKey), pem: pem.toString() };
}

/** From a PKCS#8 PEM, which may be encrypted. Throws `REGISTRY_KEY_INVALID` for anything else. */
export function openSigner(pem: string, passphrase?: string): Signer {
  let key: KeyObject;
  try {
    key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  } catch (error) {
    throw new RegistryError("REGISTRY_KEY_INVALID", whyClosed(pem, passphrase), { cause: error });
  }
  if (key.asymmetricKeyType !== "ed25519")
    throw new RegistryError("REGISTRY_KEY_INVALID", `expected an Ed25519 key, came one of the type ${key.asymmetricKeyType}`);
  return signerOf(key);
}

function whyClosed(pem: string, passphrase: string | undefined): string {
  const [, came] = /^-----BEGIN ([A-Z0-9 ]+)-----/m.exec(pem) ?? [];
  if (came === "ENCRYPTED PRIVATE KEY")
    return passphrase === undefined ? "the key is encrypted, and needs its passphrase" : "the passphrase is not the one of that key";
  return `expected a private key as PKCS#8 PEM, came ${came === undefined ? "something else" : `a PEM of the type ${came}`}`;
}

function signerOf(key: KeyObject): Signer {
  const hex = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(spki.length).toString("hex");
  return { ...publicKeyOf(hex), sign: (data) => sign(null, data, key).toString("hex") };
}

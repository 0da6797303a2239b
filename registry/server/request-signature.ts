/**
 * A request that is signed with a publisher's key, in the form of HTTP Message Signatures (RFC 9421): over the method, the whole address that it
 * is for, and the digest of the body (RFC 9530), with a time and a nonce. One profile of it, so that nothing is left to be chosen by whoever attacks.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { RegistryError } from "../error.ts";
import type { Signer } from "../trust/key.ts";

/** How far the clocks of two machines may be apart, in milliseconds; a nonce is remembered as long. */
export const toleranceMs = 5 * 60 * 1000;

export interface SignedRequest {
  readonly method: string;
  /** All of it, with scheme and path: at another registry it says nothing. */
  readonly url: string;
}

export const contentDigest = (body: Uint8Array): string => `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;

const parameters = (created: number, nonce: string, key: string): string =>
  `("@method" "@target-uri" "content-digest");created=${created};nonce="${nonce}";keyid="${key}";alg="ed25519";tag="pincer-registry"`;
const form =
  /^pincer=\("@method" "@target-uri" "content-digest"\);created=(\d{1,12});nonce="([A-Za-z0-9_-]{16,64})";keyid="([0-9a-f]{64})";alg="ed25519";tag="pincer-registry"$/;

/** The signature base, which is what is signed. */
const base = ({ method, url }: SignedRequest, digest: string, input: string): Uint8Array =>
  Buffer.from([`"@method": ${method}`, `"@target-uri": ${url}`, `"content-digest": ${digest}`, `"@signature-params": ${input}`].join("\n"));

/** Headers that go with the request. */
export function signRequest(request: SignedRequest, body: Uint8Array, signer: Signer, now: number, nonce: string): Record<string, string> {
  const input = parameters(Math.floor(now / 1000), nonce, signer.json.keyval.public);
  const digest = contentDigest(body);
  const signature = Buffer.from(signer.sign(base(request, digest, input)), "hex").toString("base64");
  return { "content-digest": digest, "signature-input": `pincer=${input}`, signature: `pincer=:${signature}:` };
}

export interface Proof {
  /** For which of the addresses it was signed. */
  readonly url: string;
  /** The public key, in hex. */
  readonly key: string;
  readonly nonce: string;
  /** What the body must have. */
  readonly digest: string;
}

/**
 * Whose key has signed it, and for which of these addresses; who that is, and whether it came before, is for the caller to see. Throws
 * `REGISTRY_UNAUTHENTICATED`.
 */
export function verifyRequest(method: string, urls: readonly string[], headers: Headers, now: number): Proof {
  const refuse = (why: string) => new RegistryError("REGISTRY_UNAUTHENTICATED", `the signature of the request ${why}`);
  const [input, signature, digest] = ["signature-input", "signature", "content-digest"].map((name) => headers.get(name) ?? "");
  const [, created, nonce, key] = form.exec(input!) ?? [];
  if (!created || !nonce || !key) throw refuse("has another form than `Signature-Input` must have here (docs/registry/protocol.md)");
  if (!/^sha-256=:[A-Za-z0-9+/]{43}=:$/.test(digest!)) throw refuse("needs the header Content-Digest with the body's SHA-256");
  const sig = /^pincer=:([A-Za-z0-9+/]{86}==):$/.exec(signature!)?.[1];
  if (!sig) throw refuse("is not one of Ed25519 in the header `Signature`");
  const apartMs = Math.abs(now - Number(created) * 1000);
  if (apartMs > toleranceMs)
    throw refuse(`is ${Math.round(apartMs / 1000)} s away from the registry's clock; at most ${toleranceMs / 1000} s may be`);
  const signed = (url: string) => base({ method, url }, digest!, input!.slice("pincer=".length));
  const url = urls.find((one) => isSignature(key, signed(one), Buffer.from(sig, "base64")));
  if (url === undefined) throw refuse(`does not belong to the request: expected one over ${method} ${urls[0]}`);
  return { url, key, nonce, digest: digest! };
}

function isSignature(hex: string, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(hex, "hex").toString("base64url") }, format: "jwk" });
    return verify(null, data, key, signature);
  } catch {
    // What is no point of the curve has signed nothing.
    return false;
  }
}

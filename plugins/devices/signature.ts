/** Device identity (`protocol` section 1.4): an Ed25519 key whose hash is the device's id, and a signature over the connection's facts. */
import { createPrivateKey, createPublicKey, type KeyObject, verify } from "node:crypto";
import { type ConnectParams, deviceClaim } from "@pincer/plugin-sdk/wire/connect";
import { deviceError } from "@pincer/plugin-sdk/wire/connect-errors";

export interface DeviceIdentity {
  /** Lowercase hex SHA-256 of the raw public key. */
  readonly deviceId: string;
  /** The raw 32 bytes, base64url without padding. */
  readonly publicKey: string;
}

/** The bytes of an unpadded base64url text, if it is exactly so many and the only way to write them. */
function decode(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.length === length && bytes.toString("base64url") === text ? bytes : undefined;
}

function identityOf(key: KeyObject): DeviceIdentity {
  const publicKey = key.export({ format: "jwk" }).x as string;
  return { deviceId: new Bun.CryptoHasher("sha256").update(Buffer.from(publicKey, "base64url")).digest("hex"), publicKey };
}

function readPublicKey(text: string): KeyObject {
  try {
    if (text.includes("-----BEGIN PUBLIC KEY-----")) {
      const key = createPublicKey(text);
      if (key.asymmetricKeyType === "ed25519") return key;
    }
    const raw = decode(text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""), 32);
    if (raw) return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") }, format: "jwk" });
  } catch {
    // silent-ok: refused below, like every other text that is no such key
  }
  throw deviceError("DEVICE_AUTH_PUBLIC_KEY_INVALID", "expected 32 raw Ed25519 bytes in base64url, or PEM");
}

interface Signed extends Pick<ConnectParams, "client" | "role" | "scopes" | "auth"> {
  readonly device: NonNullable<ConnectParams["device"]>;
  /** Of this connection's challenge. */
  readonly nonce: string;
}

/** Checks the device of a `connect` against its own key. `now` and `windowMs` are milliseconds. Throws `DEVICE_AUTH_*`. */
export function verifyDevice({ device, nonce, ...claims }: Signed, now: number, windowMs: number): DeviceIdentity {
  const { id, publicKey, signature, signedAt, nonce: signedNonce } = device;
  const key = readPublicKey(publicKey);
  const identity = identityOf(key);
  if (identity.deviceId !== id) {
    throw deviceError("DEVICE_AUTH_DEVICE_ID_MISMATCH", "device.id is not the SHA-256 of device.publicKey");
  }
  const apart = Math.abs(now - signedAt);
  if (apart > windowMs) {
    const hint = `signedAt is ${apart} ms from the gateway's clock, at most ${windowMs} are allowed; sign the challenge's ts`;
    throw deviceError("DEVICE_AUTH_SIGNATURE_EXPIRED", hint);
  }
  const hint = "sign the nonce of this connection's challenge";
  if (signedNonce.trim() === "") throw deviceError("DEVICE_AUTH_NONCE_REQUIRED", hint);
  if (signedNonce !== nonce) throw deviceError("DEVICE_AUTH_NONCE_MISMATCH", hint);
  const texts = (["v3", "v2"] as const).map((version) => deviceClaim(version, claims, { id, signedAt, nonce }));
  const bytes = decode(signature, 64);
  if (!bytes || !texts.some((text) => verify(null, Buffer.from(text), key, bytes))) {
    throw deviceError("DEVICE_AUTH_SIGNATURE_INVALID", "it does not fit the v3 or v2 payload of this connect");
  }
  return identity;
}

/** The gateway's own identity, from 32 secret bytes. */
export function gatewayIdentity(seed: Uint8Array): DeviceIdentity {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  return identityOf(createPublicKey(createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" })));
}

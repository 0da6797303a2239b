/** A device of the published client (`@openclaw/gateway-client`): its key and, once it has one, its token, as an app keeps them on disk. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import type { GatewayClientOptions } from "@openclaw/gateway-client";

interface ClientDevice {
  readonly deviceId: string;
  readonly kept: { token?: string; scopes?: string[] };
  readonly options: Pick<GatewayClientOptions, "deviceIdentity" | "hostDeps">;
  /** Resolves when the client was told that its token is of no more use. */
  readonly cleared: Promise<void>;
}

export function createClientDevice(): ClientDevice {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const rawKey = (pem: string) => createPublicKey(pem).export({ format: "jwk" }).x as string;
  const deviceId = createHash("sha256")
    .update(Buffer.from(rawKey(publicKey), "base64url"))
    .digest("hex");
  const kept: ClientDevice["kept"] = {};
  const cleared = Promise.withResolvers<void>();
  return {
    deviceId,
    kept,
    options: {
      deviceIdentity: { deviceId, privateKeyPem: privateKey, publicKeyPem: publicKey },
      hostDeps: {
        signDevicePayload: (pem, payload) => sign(null, Buffer.from(payload), createPrivateKey(pem)).toString("base64url"),
        publicKeyRawBase64UrlFromPem: rawKey,
        loadDeviceAuthToken: () => (kept.token === undefined ? null : { token: kept.token, scopes: kept.scopes ?? [] }),
        storeDeviceAuthToken: ({ token, scopes }) => void Object.assign(kept, { token, scopes }),
        clearDeviceAuthToken: () => {
          delete kept.token;
          cleared.resolve();
        },
      },
    },
    cleared: cleared.promise,
  };
}

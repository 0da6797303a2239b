/** Whether one key has signed metadata, whoever delegates to it. */
import { createPublicKey, verify } from "node:crypto";
import { canonicalize } from "@tufjs/canonical-json";
import type { PublicKey } from "./key.ts";
import type { Metadata } from "./metadata.ts";

export function hasSigned({ signatures, signed }: Metadata, { id, json }: PublicKey): boolean {
  const x = Buffer.from(json.keyval.public, "hex").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const data = Buffer.from(canonicalize(signed));
  return signatures.some(({ keyid, sig }) => keyid === id && verify(null, data, key, Buffer.from(sig, "hex")));
}

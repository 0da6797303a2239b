/** Runs while the plugin is bundled: the crypto library's WebAssembly as text, since a plugin in a sandbox is one file and sees no other. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { zstdCompressSync } from "node:zlib";

export function packedLibrary(): string {
  const folder = import.meta.resolve("@matrix-org/matrix-sdk-crypto-wasm");
  return zstdCompressSync(readFileSync(fileURLToPath(new URL("pkg/matrix_sdk_crypto_wasm_bg.wasm", folder)))).toString("base64");
}

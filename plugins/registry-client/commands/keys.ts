/** Keys in files, as `pincer registry keygen` and `pincer registry init` write them. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { RegistryError } from "@pincer/registry/error";
import { openSigner, type PublicKey, publicKeyOf, type Signer } from "@pincer/registry/trust/key";
import { clientErrors } from "../errors.ts";
import { readInput } from "./input-file.ts";
import type { Options } from "./options.ts";

/** The first line of the file that `--passphrase-file` names. */
export function passphraseOf(options: Options): string | undefined {
  const file = options.value("--passphrase-file");
  if (file === undefined) return undefined;
  const [line = ""] = Buffer.from(readInput(file, "a file with a passphrase")).toString("utf8").split(/\r?\n/);
  if (line === "") throw clientErrors.REGISTRY_CLIENT_USAGE(`--passphrase-file: ${resolve(file)} begins with an empty line`);
  return line;
}

/** Tells on the way who else may read it. Throws `REGISTRY_CLIENT_KEY_MISSING`, `REGISTRY_KEY_INVALID`. */
export function readKey(file: string, passphrase?: string): Signer {
  const expected = "a private key, as pincer registry keygen makes one";
  const pem = Buffer.from(readInput(file, expected, clientErrors.REGISTRY_CLIENT_KEY_MISSING)).toString("utf8");
  const path = resolve(file);
  let signer: Signer;
  try {
    signer = openSigner(pem, passphrase);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const hint = passphrase === undefined && error.message.includes("passphrase") ? ": --passphrase-file <file> says it" : "";
    throw new RegistryError(error.code, `${path}: ${error.message}${hint}`, { cause: error });
  }
  if ((statSync(path).mode & 0o077) !== 0) process.stderr.write(`look  others on this machine may read ${path}: chmod 600 ${path}\n`);
  return signer;
}

/** 64 digits of hex, or a file with the private key. */
export const publicKeyIn = (text: string, passphrase?: string): PublicKey =>
  /^[0-9a-f]{64}$/.test(text) ? publicKeyOf(text) : readKey(text, passphrase);

/** By what people know a key again: enough digits that nobody makes another with the same. */
export const shortKey = (hex: string): string => hex.slice(0, 16);

/** All that lie in a folder, and none where there is no such folder. */
export const keysIn = (folder: string, passphrase?: string): readonly Signer[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(".pem"))
        .sort()
        .map((name) => readKey(join(folder, name), passphrase))
    : [];

/** What the keys in a folder are called, by public key in hex; without those that are encrypted. */
export function namedKeys(folder: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const [, called] = /^(.+)\.pem$/.exec(name) ?? [];
    try {
      if (called !== undefined) names.set(readKey(join(folder, name)).json.keyval.public, called);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
    }
  }
  return names;
}

/** Where the keys of a registry in a folder lie, unless it is said. */
export const keyFolderOf = (registry: string, said: string | undefined): string => resolve(said ?? `${registry}-keys`);

/** The server's. Throws `REGISTRY_CLIENT_KEY_MISSING`. */
export function onlineKey(keyFolder: string, passphrase?: string): Signer {
  const file = join(keyFolder, "online.pem");
  if (!existsSync(file))
    throw clientErrors.REGISTRY_CLIENT_KEY_MISSING(`there is no ${file}: say with --key-folder where the registry's keys are`);
  return readKey(file, passphrase);
}

/** Keys in files, as `pincer registry keygen` and `pincer registry init` write them. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { RegistryError } from "@pincer/registry/error";
import { openSigner, type PublicKey, publicKeyOf, type Signer } from "@pincer/registry/trust/key";
import { clientErrors } from "../errors.ts";
import { readInput, writeOutput } from "./input-file.ts";
import type { Options } from "./options.ts";

const hexKey = /^[0-9a-f]{64}$/;

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
  if (hexKey.test(pem.trim())) {
    const own = path.replace(/\.pub$/, ".pem");
    const next = own !== path && existsSync(own) ? `say ${own}, which lies beside it` : "say the .pem file that was made with it";
    throw clientErrors.REGISTRY_CLIENT_KEY_MISSING(`${path}: expected ${expected}, came a public key: ${next}`);
  }
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

/** 64 digits of hex, or a file: with those in it (`.pub`), or with the private key. */
export function publicKeyIn(text: string, passphrase?: string): PublicKey {
  if (hexKey.test(text)) return publicKeyOf(text);
  return text.endsWith(".pub") ? publicKeyOf(readPublicKey(text)) : readKey(text, passphrase);
}

function readPublicKey(file: string): string {
  const expected = "a public key, 64 digits of hex";
  const text = Buffer.from(readInput(file, expected, clientErrors.REGISTRY_CLIENT_KEY_MISSING))
    .toString("utf8")
    .trim();
  if (hexKey.test(text)) return text;
  throw clientErrors.REGISTRY_CLIENT_KEY_MISSING(`${resolve(file)}: expected ${expected}, came something else`);
}

/** The private key in a file that nobody else may read, and the public key beside it, by which it is known when the first is elsewhere. */
export function writeKeys(file: string, signer: Signer, pem: string): void {
  writeOutput(file, pem, 0o600);
  writeOutput(`${file.replace(/\.pem$/, "")}.pub`, `${signer.json.keyval.public}\n`);
}

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

/** What the keys are called whose public halves lie in a folder, by public key in hex. */
export const namedKeys = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    (existsSync(folder) ? readdirSync(folder) : [])
      .filter((name) => name.endsWith(".pub"))
      .map((name) => [readPublicKey(join(folder, name)), name.slice(0, -".pub".length)] as const),
  );

/** Where the keys of a registry in a folder lie, unless it is said. */
export const keyFolderOf = (registry: string, said: string | undefined): string => resolve(said ?? `${registry}-keys`);

/** The server's. Throws `REGISTRY_CLIENT_KEY_MISSING`. */
export function onlineKey(keyFolder: string, passphrase?: string): Signer {
  const file = join(keyFolder, "online.pem");
  if (!existsSync(file))
    throw clientErrors.REGISTRY_CLIENT_KEY_MISSING(`there is no ${file}: say with --key-folder where the registry's keys are`);
  return readKey(file, passphrase);
}

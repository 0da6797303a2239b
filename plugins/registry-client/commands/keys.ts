/** Keys in files, as `pincer registry keygen` and `pincer registry init` write them. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { openSigner, type Signer } from "@pincer/registry/trust/key";
import { clientErrors } from "../errors.ts";

/** Throws `REGISTRY_CLIENT_KEY_MISSING`. */
export function readKey(file: string): Signer {
  const path = resolve(file);
  if (!existsSync(path)) throw clientErrors.REGISTRY_CLIENT_KEY_MISSING(`there is no key ${path}`);
  return openSigner(readFileSync(path, "utf8"));
}

/** All that lie in a folder, and none where there is no such folder. */
export const keysIn = (folder: string): readonly Signer[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(".pem"))
        .sort()
        .map((name) => readKey(join(folder, name)))
    : [];

/** Where the keys of a registry in a folder lie, unless it is said. */
export const keyFolderOf = (registry: string, said: string | undefined): string => resolve(said ?? `${registry}-keys`);

/** The server's. Throws `REGISTRY_CLIENT_KEY_MISSING`. */
export function onlineKey(keyFolder: string): Signer {
  const file = join(keyFolder, "online.pem");
  if (!existsSync(file))
    throw clientErrors.REGISTRY_CLIENT_KEY_MISSING(`there is no ${file}: say with --key-folder where the registry's keys are`);
  return readKey(file);
}

/** Never over one that is there: who has lost a key has lost what it could sign. */
export function writeKey(file: string, pem: string): void {
  if (existsSync(file)) throw clientErrors.REGISTRY_CLIENT_FILE_EXISTS(`${file} is there already, and a key is not written over`);
  writeFileSync(file, pem, { mode: 0o600, flag: "wx" });
}

/** The registry that a command changes, and who does it. */
import type { CommandIo } from "@pincer/plugin-sdk";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { isName, type PackageName } from "@pincer/registry/name";
import { folderPlace } from "@pincer/registry/publisher/folder-place";
import type { Persistence } from "@pincer/registry/publisher/persistently";
import type { Owned, RegistryPlace, Sender } from "@pincer/registry/publisher/place";
import { serverPlace } from "@pincer/registry/publisher/server-place";
import type { Signer } from "@pincer/registry/trust/key";
import { clientErrors } from "../errors.ts";
import { fetchLed, fetchNamed } from "../sources/web-fetch.ts";
import { readInput } from "./input-file.ts";
import { keyFolderOf, onlineKey, passphraseOf, readKey } from "./keys.ts";
import type { Options } from "./options.ts";
import { isAddress, packageIn, presentIn, registryFolder } from "./registry-place.ts";

export const now = (): number => systemClock.now();

export function needed(options: Options, flag: string, what = ""): string {
  const value = options.value(flag);
  if (value !== undefined) return value;
  throw clientErrors.REGISTRY_CLIENT_USAGE(`${flag} is missing${what && `: ${what}`}`);
}

/** The same, where it names a publisher. */
export function publisherNamed(options: Options, flag: string, what: string): string {
  const name = needed(options, flag, what);
  if (isName(name)) return name;
  const expected = "expected a publisher's name: small letters, digits and single dashes, beginning with a letter, at most 64";
  throw clientErrors.REGISTRY_CLIENT_USAGE(`${flag}: ${expected}; came ${JSON.stringify(name.slice(0, 100))}`);
}

export const whileWaiting = (io: CommandIo) => (why: string, ms: number) => {
  if (!io.json) io.print(`  waits ${Math.ceil(ms / 1000)} s: ${why}`);
};

export const persistence = (io: CommandIo): Persistence => ({ clock: systemClock, signal: io.signal, onWait: whileWaiting(io) });

/** For flags `--key-folder` and `--passphrase-file` of the server's key, where it is a folder. */
export function placeAt(place: string, options: Options, io: CommandIo): RegistryPlace {
  if (isAddress(place)) return serverPlace({ url: place, fetch: fetchNamed, fetchLed, ...persistence(io) });
  const folder = registryFolder(place);
  return folderPlace(folder, { online: onlineKey(keyFolderOf(folder, options.value("--key-folder"))), now });
}

export const placeOf = (options: Options, io: CommandIo): RegistryPlace =>
  placeAt(needed(options, "--registry", "the folder or the address of the registry"), options, io);

export const signerFlags = ["--key", "--passphrase-file"];
export const signerUsage = "[--key <file>...] [--passphrase-file <file>]";

export const signersIn = (options: Options, flag = "--key"): readonly Signer[] => {
  const passphrase = passphraseOf(options);
  return options.values(flag).map((file) => readKey(file, passphrase));
};

export const placeFlags = ["--registry", "--key-folder"];
export const placeUsage = "[--registry <folder-or-url>] [--key-folder <folder>]";
export const publisherFlags = ["--publisher", "--token-file", ...signerFlags, ...placeFlags];
export const publisherUsage = `[--publisher <name>] ${signerUsage} ${placeUsage} [--token-file <file>]`;

export interface PublisherSide {
  readonly place: RegistryPlace;
  readonly publisher: string;
  readonly signers: readonly [Signer, ...Signer[]];
  readonly sender: Sender;
}

export function publisherSide(options: Options, io: CommandIo): PublisherSide {
  const registry = needed(options, "--registry", "the folder or the address of the registry");
  const publisher = publisherNamed(options, "--publisher", "the name to publish under");
  needed(options, "--key", "the publisher's key, as pincer registry keygen makes one");
  const signers = signersIn(options) as [Signer, ...Signer[]];
  const file = options.value("--token-file");
  const token = file === undefined ? undefined : Buffer.from(readInput(file, "a file with a token")).toString("utf8").trim();
  return { place: placeAt(registry, options, io), publisher, signers, sender: { signer: signers[0], token } };
}

/** A name that somebody has there, of either kind where that was not said. */
export async function ownedIn(place: RegistryPlace, typed: string): Promise<{ readonly name: PackageName; readonly owned: Owned }> {
  const { id } = packageIn(typed);
  const found = {
    plugins: await place.owned({ kind: "plugins", id }),
    skills: await place.owned({ kind: "skills", id }),
  };
  const { kind } = presentIn(typed, (name) => found[name.kind] !== undefined);
  return { name: { kind, id }, owned: found[kind]! };
}

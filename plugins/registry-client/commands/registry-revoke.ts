/** `pincer registry revoke`: says what nobody should run any more; who runs it hears of it within a minute. */

import { join, resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { isVersion, type PackageName } from "@pincer/registry/name";
import { openRepository } from "@pincer/registry/repository/repository";
import type { Revocation } from "@pincer/registry/revocations";
import { clientErrors } from "../errors.ts";
import { keyFolderOf, onlineKey, readKey } from "./keys.ts";
import { readOptions } from "./options.ts";
import { presentIn, timeNow } from "./registry-place.ts";

export const revoke: CommandDefinition = {
  command: {
    name: "registry revoke",
    summary: "Say that nobody should run a release, a package, or what a key has signed",
    usage: "<folder> <name[@version]|key:hex> [--reason <text>] [--last-good <version>] [--undo] [--key <file>] [--key-folder <folder>]",
    flags: {
      reason: "What people are told",
      "last-good": "The version to which people can go back",
      undo: "Take that back",
      key: "The key that signs what is revoked",
      "key-folder": "The folder with the keys of the registry, where it is not inside it",
    },
  },
  async run(args, io) {
    const options = readOptions(args, ["--reason", "--last-good", "--key", "--key-folder"]);
    const [place = "", what = ""] = options.words;
    const folder = resolve(place);
    const keyFolder = keyFolderOf(folder, options.value("--key-folder"));
    const signer = readKey(options.value("--key") ?? join(keyFolder, "revocations.pem"));
    const repository = openRepository(folder, { online: onlineKey(keyFolder), now: () => systemClock.now() });
    const reason = options.value("--reason");
    if (reason === undefined && !options.has("--undo"))
      throw clientErrors.REGISTRY_CLIENT_USAGE("--reason is missing: whoever runs it is told why");
    const one = revocationOf(what, reason ?? "taken back", options.value("--last-good"), (name) => repository.ownerOf(name) !== undefined);
    const others = repository.revocations().filter((known) => !isSame(known, one));
    if (options.has("--undo") && others.length === repository.revocations().length)
      throw clientErrors.REGISTRY_CLIENT_USAGE(`${what} is not revoked in ${folder}`);
    repository.revoke(options.has("--undo") ? others : [...others, one], [signer]);
    if (io.json) io.print(JSON.stringify({ ok: true, folder, revocations: repository.revocations() }));
    else io.print(options.has("--undo") ? `${dot("good")} ${what} is revoked no more` : `${dot("good")} ${what} is revoked: ${reason}`);
    return 0;
  },
};

function revocationOf(what: string, reason: string, lastGood: string | undefined, has: (name: PackageName) => boolean): Revocation {
  if (what.startsWith("key:")) {
    const key = what.slice("key:".length);
    if (!/^[0-9a-f]{64}$/.test(key))
      throw clientErrors.REGISTRY_CLIENT_USAGE(`${what}: expected a public key as 64 digits of hex behind key:`);
    return { key, reason, at: timeNow() };
  }
  if (lastGood !== undefined && !isVersion(lastGood))
    throw clientErrors.REGISTRY_CLIENT_USAGE(`--last-good: expected a version as 1.2.0, came ${JSON.stringify(lastGood)}`);
  const { version, ...name } = presentIn(what, has);
  return {
    ...name,
    ...(version !== undefined && { versions: [version] }),
    ...(lastGood !== undefined && { lastGood }),
    reason,
    at: timeNow(),
  };
}

function isSame(a: Revocation, b: Revocation): boolean {
  if ("key" in a || "key" in b) return "key" in a && "key" in b && a.key === b.key;
  return a.kind === b.kind && a.id === b.id && Bun.deepEquals(a.versions, b.versions);
}

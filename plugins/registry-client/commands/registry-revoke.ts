/** `pincer registry revoke`: says what nobody should run any more; who runs it hears of it within a minute. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { isVersion, type PackageName } from "@pincer/registry/name";
import { persistently } from "@pincer/registry/publisher/persistently";
import { stage } from "@pincer/registry/repository/stage";
import { signStaged } from "@pincer/registry/repository/staged";
import type { Revocation } from "@pincer/registry/revocations";
import { signedIn } from "@pincer/registry/status";
import { clientErrors } from "../errors.ts";
import { keyFolderOf, passphraseOf, publicKeyIn, readKey } from "./keys.ts";
import { type Options, readOptions } from "./options.ts";
import { needed, now, ownedIn, persistence, placeFlags, placeOf, placeUsage, signerFlags, signersIn, signerUsage } from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";
import { isAddress, packageIn, rootFor, timeNow } from "./registry-place.ts";

export const revoke: CommandDefinition = {
  command: withFlags(
    {
      name: "registry revoke",
      summary: "Say that nobody should run a release, a package, or what a key has signed",
      usage: `<name[@version]|key:file-or-public-key> [--reason <text>] [--last-good <version>] [--undo] [--root <file>] ${signerUsage} ${placeUsage}`,
    },
    { reason: "What people are told", "last-good": "The version to which people can go back" },
  ),
  async run(args, io) {
    const options = readOptions(args, ["--reason", "--last-good", "--root", ...signerFlags, ...placeFlags]);
    const [what = ""] = options.words;
    const isUndone = options.has("--undo");
    const reason = isUndone ? "taken back" : needed(options, "--reason", "whoever runs it is told why");
    const place = placeOf(options, io);
    const signers = revokingKeys(options);
    const name = what.startsWith("key:") ? undefined : (await ownedIn(place, what)).name;
    const one = revocationOf(what, reason, options.value("--last-good"), name);
    const root = await rootFor(place.source, options.value("--root"), io.signal);
    const revocations = await persistently(persistence(io), async () => {
      const signed = await signedIn({ source: place.source, root: root.bytes, signal: io.signal });
      const others = signed.list.filter((known) => !isSame(known, one));
      if (isUndone && others.length === signed.list.length)
        throw clientErrors.REGISTRY_CLIENT_USAGE(`${what} is not revoked in ${place.name}`);
      const next = isUndone ? others : [...others, one];
      await place.apply(signStaged(stage(signed, { revocations: next, now }), signers));
      return next;
    });
    io.result(
      { ok: true, registry: place.name, revocations },
      isUndone ? `${dot("good")} ${what} is revoked no more` : `${dot("good")} ${what} is revoked: ${reason}`,
    );
    return 0;
  },
};

/** Those that were said, or the one that lies where a registry in a folder has its keys. */
function revokingKeys(options: Options) {
  const registry = needed(options, "--registry");
  if (options.value("--key") !== undefined || isAddress(registry)) {
    needed(options, "--key", "the key of revocations");
    return signersIn(options);
  }
  const file = join(keyFolderOf(registry, options.value("--key-folder")), "revocations.pem");
  if (!existsSync(file))
    throw clientErrors.REGISTRY_CLIENT_KEY_MISSING(`there is no ${file}: say with --key where the key of revocations is`);
  return [readKey(file, passphraseOf(options))];
}

function revocationOf(what: string, reason: string, lastGood: string | undefined, name: PackageName | undefined): Revocation {
  if (!name) {
    const key = publicKeyIn(what.slice("key:".length)).json.keyval.public;
    return { key, reason, at: timeNow() };
  }
  if (lastGood !== undefined && !isVersion(lastGood))
    throw clientErrors.REGISTRY_CLIENT_USAGE(`--last-good: expected a version as 1.2.0, came ${JSON.stringify(lastGood)}`);
  const { version } = packageIn(what);
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

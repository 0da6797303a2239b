/** `pincer registry stage`: prepares other keys, or more life, for a registry, to be signed by one founder after the other. */

import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import type { Authority } from "@pincer/registry/repository/create";
import { authorityOf, stage as staged } from "@pincer/registry/repository/stage";
import { type StagedRole, signStaged, stagedFile, stagedRoles } from "@pincer/registry/repository/staged";
import { signedIn } from "@pincer/registry/status";
import type { PublicKey } from "@pincer/registry/trust/key";
import { clientErrors } from "../errors.ts";
import { writeOutput } from "./input-file.ts";
import { passphraseOf, publicKeyIn } from "./keys.ts";
import { readOptions } from "./options.ts";
import { now, signerFlags, signersIn, signerUsage } from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";
import { rootFor, sourceAt } from "./registry-place.ts";
import { shownStaged, stagedAnswer } from "./shown-staged.ts";

const keyRoles = ["root", "targets", "revocations", "online"] as const;
type KeyRole = (typeof keyRoles)[number];

export const stage: CommandDefinition = {
  command: withFlags(
    {
      name: "registry stage",
      summary: "Prepare other keys for a registry, or more life for what its founders sign",
      usage: `<folder-or-url> [--add <role:key>...] [--remove <role:key>...] [--threshold <role:number>...] [--renew <role>...] [--write <file>] [--root <file>] ${signerUsage}`,
    },
    {
      add: "A key that counts from now on: root, targets, revocations or online, a colon, and its file or public key",
      remove: "A key that counts no more, by its file or its first digits",
      threshold: "How many keys of root or targets must sign",
      renew: "What counts longer: root, targets or revocations",
      write: "Where it is written (default staged.json)",
    },
  ),
  async run(args, io) {
    const flags = ["--add", "--remove", "--threshold", "--renew", "--write", "--root", ...signerFlags];
    const options = readOptions(args, flags);
    const [registry = ""] = options.words;
    const source = await sourceAt(registry, io);
    const root = await rootFor(source, options.value("--root"), io.signal);
    const signed = await signedIn({ source, root: root.bytes, signal: io.signal });
    const passphrase = passphraseOf(options);
    let next = authorityOf(signed);
    for (const text of options.values("--remove")) next = without(next, ...roleIn("--remove", text));
    for (const text of options.values("--add")) {
      const [role, key] = roleIn("--add", text);
      next = withKey(next, role, publicKeyIn(key, passphrase));
    }
    for (const text of options.values("--threshold")) next = withThreshold(next, ...roleIn("--threshold", text));
    requireEnough(next);
    const change = staged(signed, { next, renew: options.values("--renew").map(renewedIn), now });
    if (stagedRoles.every((role) => change.next[role] === undefined))
      throw clientErrors.REGISTRY_CLIENT_USAGE("nothing would change: expected --add, --remove, --threshold or --renew");
    const done = signStaged(change, signersIn(options));
    const file = options.value("--write") ?? "staged.json";
    writeOutput(file, stagedFile(done));
    io.result({ ok: true, file, ...stagedAnswer(done) }, `${dot("good")} staged in ${file}\n${shownStaged(done, file, registry)}`);
    return 0;
  },
};

function roleIn(flag: string, text: string): readonly [role: KeyRole, rest: string] {
  const [, said, rest = ""] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  const role = keyRoles.find((one) => one === said);
  if (role) return [role, rest];
  throw clientErrors.REGISTRY_CLIENT_USAGE(
    `${flag}: expected ${keyRoles.join(", ")}, a colon and what is meant, as root:new.pem, came ${JSON.stringify(text)}`,
  );
}

function renewedIn(text: string): StagedRole {
  const role = stagedRoles.find((one) => one === text);
  if (role) return role;
  throw clientErrors.REGISTRY_CLIENT_USAGE(`--renew: expected ${stagedRoles.join(", ")}, came ${JSON.stringify(text)}`);
}

function withKey(authority: Authority, role: KeyRole, key: PublicKey): Authority {
  if (role === "online") return { ...authority, online: key };
  const keys = authority[role];
  if (keys.some(({ id }) => id === key.id))
    throw clientErrors.REGISTRY_CLIENT_USAGE(`--add: ${key.json.keyval.public} is a key of ${role} already`);
  return { ...authority, [role]: [...keys, key] };
}

/** A key by its file, or by the first 8 digits of it or more. */
function without(authority: Authority, role: KeyRole, said: string): Authority {
  if (role === "online")
    throw clientErrors.REGISTRY_CLIENT_USAGE("--remove: the server has one key, which --add online:<key> puts another for");
  const keys = authority[role];
  const hex = /^[0-9a-f]{8,64}$/.test(said) ? said : publicKeyIn(said).json.keyval.public;
  const gone = keys.filter(({ json }) => json.keyval.public.startsWith(hex));
  if (gone.length === 1) return { ...authority, [role]: keys.filter((key) => key !== gone[0]) };
  const known = keys.map(({ json }) => json.keyval.public).join(", ");
  throw clientErrors.REGISTRY_CLIENT_USAGE(`--remove: expected one of the keys of ${role} (${known}), came ${JSON.stringify(said)}`);
}

function withThreshold(authority: Authority, role: KeyRole, text: string): Authority {
  if (role !== "root" && role !== "targets")
    throw clientErrors.REGISTRY_CLIENT_USAGE(`--threshold: expected root or targets, since one key of ${role} suffices, came ${role}`);
  if (!/^[1-9]\d?$/.test(text))
    throw clientErrors.REGISTRY_CLIENT_USAGE(`--threshold: expected a number from 1 to 32, came ${JSON.stringify(text)}`);
  return { ...authority, [`${role}Threshold`]: Number(text) };
}

function requireEnough(authority: Authority): void {
  for (const role of ["root", "targets"] as const) {
    const [keys, threshold] = [authority[role].length, authority[`${role}Threshold`]];
    if (keys < threshold)
      throw clientErrors.REGISTRY_CLIENT_USAGE(
        `${role} would have ${keys} keys, of which ${threshold} must sign: add one, or say --threshold ${role}:${Math.max(1, keys)}`,
      );
  }
  if (authority.revocations.length === 0) throw clientErrors.REGISTRY_CLIENT_USAGE("revocations would have no key: add one");
}

/** `pincer registry renew`: signs anew what expires, with the keys that are at hand, and says what needs others. */
import { resolve } from "node:path";
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { aloneIn } from "@pincer/registry/publisher/folder-place";
import { persistently } from "@pincer/registry/publisher/persistently";
import type { RegistryPlace } from "@pincer/registry/publisher/place";
import { publishNext } from "@pincer/registry/publisher/publish-next";
import { lives, unsigned } from "@pincer/registry/repository/lifetime";
import { type Expiring, isDue } from "@pincer/registry/repository/renew";
import { openRepository } from "@pincer/registry/repository/repository";
import { stage } from "@pincer/registry/repository/stage";
import { isSignedByAll, signStaged, stagedRoles } from "@pincer/registry/repository/staged";
import { signedIn } from "@pincer/registry/status";
import type { Signer } from "@pincer/registry/trust/key";
import { clientErrors } from "../errors.ts";
import { keyFolderOf, keysIn, onlineKey, passphraseOf } from "./keys.ts";
import { type Options, readOptions } from "./options.ts";
import { now, persistence, placeAt, publisherFlags, publisherSide, signersIn, signerUsage } from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";
import { isAddress, rootFor } from "./registry-place.ts";
import { whatToType } from "./what-to-type.ts";

export const renew: CommandDefinition = {
  command: withFlags(
    {
      name: "registry renew",
      summary: "Sign anew what expires in a registry, or with --publisher a publisher's list",
      usage: `<folder-or-url> [--publisher <name>] [--root <file>] ${signerUsage} [--token-file <file>] [--key-folder <folder>]`,
    },
    { publisher: "Whose list of releases is signed anew; without it what the registry's founders sign" },
  ),
  async run(args, io) {
    const options = readOptions(args, [...publisherFlags, "--root"]);
    const [registry = ""] = options.words;
    if (options.value("--publisher") !== undefined) return renewList(readOptions([...args, "--registry", registry], publisherFlags), io);
    return renewFounded(registry, options, io);
  },
};

/** What a publisher has said, once more, for longer. */
async function renewList(options: Options, io: CommandIo): Promise<number> {
  const side = publisherSide(options, io);
  const { publisher } = side;
  const expires = { at: "" };
  const sent = await publishNext(
    {
      ...{ ...side, archives: new Map() },
      next(before) {
        if (!before) throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`${side.place.name} has no releases of ${publisher}`);
        const list = { ...unsigned("targets", before.version + 1, lives.publisher, now), targets: before.targets };
        // An earlier attempt has arrived without an answer.
        if (expires.at !== "" && before.expires >= expires.at) return undefined;
        expires.at = list.expires;
        return list;
      },
    },
    persistence(io),
  );
  io.result(
    { ok: true, publisher, expires: expires.at, isNew: sent !== undefined },
    `${dot("good")} the releases of ${publisher} count until ${expires.at}`,
  );
  return 0;
}

async function renewFounded(registry: string, options: Options, io: CommandIo): Promise<number> {
  const passphrase = passphraseOf(options);
  const keyFolder = isAddress(registry) ? undefined : keyFolderOf(resolve(registry), options.value("--key-folder"));
  const signers = [...signersIn(options), ...(keyFolder === undefined ? [] : keysIn(keyFolder, passphrase))];
  const ours = keyFolder === undefined ? undefined : renewFolder(resolve(registry), onlineKey(keyFolder), signers);
  const founded = await renewStaged(placeAt(registry, options, io), signers, options, io);
  const expiring = [...(ours?.expiring.filter(({ role }) => role.startsWith("publisher-")) ?? []), ...founded.expiring];
  const renewed = [...(ours ? ["timestamp", ...ours.renewed] : []), ...founded.renewed];
  const removed = ours?.removed.length ?? 0;
  const lines = [
    `${dot("good")} ${renewed.length > 0 ? `renewed ${renewed.join(", ")}` : "nothing that these keys sign is due"}`,
    ...(removed > 0 ? [`  removed ${removed} files that others have followed for longer than a day`] : []),
    ...expiring.map(({ role, expires }) => `  ${role} expires ${expires}: ${whatToType(role, registry)}`),
  ];
  io.result({ ok: true, renewed, expiring, removed }, lines.join("\n"));
  return 0;
}

const renewFolder = (folder: string, online: Signer, signers: readonly Signer[]) =>
  aloneIn(folder, () => openRepository(folder, { online, now }).renew(signers));

/** What the founders sign, each as soon as these keys suffice for it. */
async function renewStaged(place: RegistryPlace, signers: readonly Signer[], options: Options, io: CommandIo) {
  const root = await rootFor(place.source, options.value("--root"), io.signal);
  const renewed: string[] = [];
  const expiring: Expiring[] = [];
  for (const role of stagedRoles) {
    const signed = await signedIn({ source: place.source, root: root.bytes, signal: io.signal });
    const { expires } = signed[role].signed;
    if (!isDue(role, expires, now)) continue;
    const staged = signStaged(stage(signed, { renew: [role], now }), signers);
    if (!isSignedByAll(staged)) expiring.push({ role, expires });
    else {
      await persistently(persistence(io), () => place.apply(staged));
      renewed.push(role);
    }
  }
  return { renewed, expiring };
}

/** `pincer registry init`: a registry in a folder, and the keys that say what is in it. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createRepository } from "@pincer/registry/repository/create";
import { sha256Of } from "@pincer/registry/sha256";
import { createSigner, type Signer } from "@pincer/registry/trust/key";
import { clientErrors } from "../errors.ts";
import { keyFolderOf, passphraseOf, writeKeys } from "./keys.ts";
import { readOptions } from "./options.ts";
import { withFlags } from "./registry-flags.ts";

export const init: CommandDefinition = {
  command: withFlags(
    {
      name: "registry init",
      summary: "Make a registry in a folder, and its keys",
      usage: "<folder> [--key-folder <folder>] [--parts <1|16|256>] [--passphrase-file <file>]",
    },
    { parts: "Among how many files the names are divided: more for a large registry (default 16)" },
  ),
  async run(args, io) {
    const options = readOptions(args, ["--key-folder", "--parts", "--passphrase-file"]);
    const folder = resolve(options.words[0] ?? "");
    const keyFolder = keyFolderOf(folder, options.value("--key-folder"));
    const passphrase = passphraseOf(options);
    const parts = partsIn(options.value("--parts") ?? "16");
    requireApart(folder, keyFolder);
    for (const place of [folder, keyFolder])
      if (existsSync(place) && readdirSync(place).length > 0)
        throw clientErrors.REGISTRY_CLIENT_FILE_EXISTS(`${place} is not empty: a registry begins in a folder of its own`);
    mkdirSync(folder, { recursive: true });
    mkdirSync(keyFolder, { recursive: true, mode: 0o700 });
    const key = (name: string): Signer => {
      // The server opens its own without anybody there.
      const { signer, pem } = createSigner(name === "online" ? undefined : passphrase);
      writeKeys(join(keyFolder, `${name}.pem`), signer, pem);
      return signer;
    };
    const founders = {
      root: [key("root-1"), key("root-2"), key("root-3")],
      rootThreshold: 2,
      targets: [key("targets-1"), key("targets-2")],
      targetsThreshold: 2,
      online: key("online"),
      revocations: [key("revocations")],
    };
    const root = createRepository(folder, { founders, parts, now: () => systemClock.now() });
    const sha256 = sha256Of(root);
    const file = join(folder, "metadata", "1.root.json");
    io.result({ ok: true, folder, keyFolder, root: file, sha256 }, report(folder, keyFolder, file, sha256));
    return 0;
  },
};

/** Whatever lies in the folder is served one day. */
function requireApart(folder: string, keyFolder: string): void {
  const isWithin = (outer: string, inner: string) => !relative(outer, inner).startsWith("..");
  if (isWithin(folder, keyFolder))
    throw clientErrors.REGISTRY_CLIENT_USAGE(`--key-folder: expected a folder outside of ${folder}, which is served, came ${keyFolder}`);
  if (isWithin(keyFolder, folder))
    throw clientErrors.REGISTRY_CLIENT_USAGE(
      `--key-folder: expected a folder of its own, came ${keyFolder}, in which the registry would lie`,
    );
}

function report(folder: string, keyFolder: string, root: string, sha256: string): string {
  return [
    `${dot("good")} registry in ${folder}`,
    `  trust    ${root}, which clients begin with`,
    `  sha-256  ${sha256}, to be told to them another way than the file`,
    `  keys     ${keyFolder}`,
    "    root-1, root-2, root-3    any two say whose keys count: keep each offline, in a place of its own",
    "    targets-1, targets-2      both are needed twice a year: keep them offline",
    "    revocations               says what nobody should run, and renews that every three weeks: keep it where it is quick to hand",
    "    online                    stays with the server, which needs no other",
    "  next",
    `    pincer registry serve ${folder}`,
    `    pincer registry publish <package> --registry ${folder} --publisher <name> --key <file>`,
    `    pincer registry renew ${folder}, every few hours, where no server runs`,
  ].join("\n");
}

function partsIn(text: string): 1 | 16 | 256 {
  const parts = ([1, 16, 256] as const).find((one) => String(one) === text);
  if (parts) return parts;
  throw clientErrors.REGISTRY_CLIENT_USAGE(`--parts: expected 1, 16 or 256, came ${JSON.stringify(text)}`);
}

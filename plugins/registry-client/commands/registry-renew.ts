/** `pincer registry renew`: signs anew what expires, with the keys that are at hand, and says what needs others. */

import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { openRepository } from "@pincer/registry/repository/repository";
import { extendRoot } from "@pincer/registry/repository/rotate";
import { keyFolderOf, keysIn, onlineKey } from "./keys.ts";
import { readOptions } from "./options.ts";

export const renew: CommandDefinition = {
  command: {
    name: "registry renew",
    summary: "Sign anew what expires in a registry",
    usage: "<folder> [--key-folder <folder>]",
    flags: { "key-folder": "The folder with the keys of the registry, where it is not inside it" },
  },
  async run(args, io) {
    const options = readOptions(args, ["--key-folder"]);
    const folder = resolve(options.words[0] ?? "");
    const keyFolder = keyFolderOf(folder, options.value("--key-folder"));
    const now = () => systemClock.now();
    const online = onlineKey(keyFolder);
    const signers = keysIn(keyFolder);
    const repository = openRepository(folder, { online, now });
    const { renewed, expiring, removed } = repository.renew(signers);
    const isExtended = expiring.some(({ role }) => role === "root") && extendRoot(folder, { online, signers, now });
    const left = isExtended ? expiring.filter(({ role }) => role !== "root") : expiring;
    const all = ["timestamp", ...renewed, ...(isExtended ? ["root"] : [])];
    if (io.json) io.print(JSON.stringify({ ok: true, renewed: all, expiring: left, removed: removed.length }));
    else {
      io.print(`${dot("good")} renewed ${all.join(", ")}`);
      if (removed.length > 0) io.print(`  removed ${removed.length} files that others have followed for longer than a day`);
      for (const { role, expires } of left) io.print(`  ${role} expires ${expires}, and ${keeperOf(role)} is not in ${keyFolder}`);
    }
    return 0;
  },
};

const keeperOf = (role: string): string =>
  role.startsWith("publisher-")
    ? `the key of ${role.slice("publisher-".length)}, who publishes once more before then,`
    : `enough of ${role}'s keys`;

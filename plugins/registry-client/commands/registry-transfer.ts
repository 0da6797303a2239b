/** `pincer registry transfer`: a name, with all its releases, becomes another publisher's. The old one signs that it shall be, the new one that it is. */

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { checkedName, folderOf } from "@pincer/registry/name";
import { lives, unsigned } from "@pincer/registry/repository/lifetime";
import { openRepository } from "@pincer/registry/repository/repository";
import { timeOf } from "@pincer/registry/schema";
import { signMetadata } from "@pincer/registry/trust/metadata";
import { parseStatement, signStatement } from "@pincer/registry/trust/statement";
import { clientErrors } from "../errors.ts";
import { keyFolderOf, onlineKey, readKey } from "./keys.ts";
import { readOptions } from "./options.ts";
import { presentIn } from "./registry-place.ts";

const weekMs = 7 * 24 * 60 * 60 * 1000;

export const transfer: CommandDefinition = {
  command: {
    name: "registry transfer",
    summary: "Hand a name over to another publisher",
    usage:
      "<folder> <name> [--to <publisher>] [--from-key <file>...] [--to-key <file>...] [--write <file>] [--statement <file>] [--key-folder <folder>]",
    flags: {
      to: "The publisher that gets it",
      "from-key": "The key of the publisher that gives it, or of the targets of the registry",
      "to-key": "The key of the publisher that gets it",
      write: "Write there what was signed, for the publisher that gets it",
      statement: "The file that the publisher that gives it has signed so",
      "key-folder": "The folder with the keys of the registry, where it is not inside it",
    },
  },
  async run(args, io) {
    const options = readOptions(args, ["--to", "--from-key", "--to-key", "--write", "--statement", "--key-folder"]);
    const [place = "", what = ""] = options.words;
    const folder = resolve(place);
    const now = () => systemClock.now();
    const online = onlineKey(keyFolderOf(folder, options.value("--key-folder")));
    const repository = openRepository(folder, { online, now });
    const { kind, id } = presentIn(what, (name) => repository.ownerOf(name) !== undefined);
    const from = repository.ownerOf({ kind, id })!;
    const old = repository.signedBy(from)?.signed;
    const given = options.value("--statement");
    const fromKeys = options.values("--from-key").map(readKey);
    if (given === undefined && fromKeys.length === 0)
      throw clientErrors.REGISTRY_CLIENT_USAGE(`--from-key is missing: the key of ${from}, or those of the registry's targets`);
    const said = options.value("--to");
    if (given === undefined && said === undefined) throw clientErrors.REGISTRY_CLIENT_USAGE("--to is missing: who gets the name");
    const statement =
      given === undefined
        ? signStatement(
            {
              _type: "transfer",
              ...{ kind, id, from, to: checkedName(said!) },
              list: old?.version ?? 0,
              expires: timeOf(now() + weekMs),
            },
            fromKeys,
          )
        : readFileSync(resolve(given));
    const { to, expires } = parseStatement("transfer", statement).signed;
    const file = options.value("--write");
    if (file !== undefined) {
      writeFileSync(resolve(file), statement, { flag: "wx" });
      const next = `pincer registry transfer ${place} ${what} --statement ${file} --to-key <file of ${to}>`;
      io.print(
        io.json
          ? JSON.stringify({ ok: true, kind, id, from, to, expires, file })
          : `${dot("good")} ${file} says that ${id} shall be ${to}'s, until ${expires}\n  next  ${next}`,
      );
      return 0;
    }
    const toKeys = options.values("--to-key").map(readKey);
    if (toKeys.length === 0)
      throw clientErrors.REGISTRY_CLIENT_USAGE(`--to-key is missing: the key of ${to}, who signs the releases from now on`);
    const before = repository.signedBy(to)?.signed;
    const own = Object.entries(old?.targets ?? {}).filter(([path]) => path.startsWith(`${folderOf({ kind, id })}/`));
    const list = {
      ...unsigned("targets", (before?.version ?? 0) + 1, lives.publisher, now),
      targets: { ...before?.targets, ...Object.fromEntries(own) },
    };
    repository.transfer(statement, signMetadata(list, toKeys), { keys: toKeys, threshold: toKeys.length });
    const answer = { ok: true, kind, id, from, to, releases: own.length };
    io.print(
      io.json
        ? JSON.stringify(answer)
        : `${dot("good")} ${id} is ${to}'s from now on, with ${own.length} releases; who has it installed is asked first`,
    );
    return 0;
  },
};

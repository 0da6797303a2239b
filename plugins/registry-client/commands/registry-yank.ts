/** `pincer registry yank`: a publisher takes a release back; who asks for this very version still gets it. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { archiveOf, checkedName, type Release } from "@pincer/registry/name";
import { readNotes } from "@pincer/registry/notes";
import { changedList } from "@pincer/registry/publisher/next-list";
import type { Signer } from "@pincer/registry/trust/key";
import { clientErrors } from "../errors.ts";
import { readKey } from "./keys.ts";
import { readOptions } from "./options.ts";
import { bring } from "./publish-into.ts";
import { releaseIn, timeNow } from "./registry-place.ts";

export const yank: CommandDefinition = {
  command: {
    name: "registry yank",
    summary: "Take a release of your own back, or with --undo let it be again",
    usage:
      "<name@version> [--at <folder-or-url>] [--publisher <name>] [--key <file>...] [--reason <text>] [--undo] [--token-file <file>] [--key-folder <folder>]",
    flags: {
      at: "The registry: its folder, or its address",
      publisher: "Whose release it is",
      key: "The key of the publisher that signs; all of them where several must",
      reason: "What people are told",
      undo: "Take that back",
      "token-file": "A file with the token that lets this machine send",
      "key-folder": "The folder with the keys of the registry, where it is not inside it",
    },
  },
  async run(args, io) {
    const options = readOptions(args, ["--at", "--publisher", "--key", "--reason", "--token-file", "--key-folder"]);
    const needed = (flag: string): string => {
      const value = options.value(flag);
      if (value !== undefined) return value;
      throw clientErrors.REGISTRY_CLIENT_USAGE(`${flag} is missing`);
    };
    const [typed = ""] = options.words;
    const meant: { release?: Release } = {};
    const isUndone = options.has("--undo");
    needed("--key");
    const yanked = isUndone ? undefined : { at: timeNow(), reason: needed("--reason") };
    const tokenFile = options.value("--token-file");
    const done = await bring(
      {
        to: needed("--at"),
        keyFolder: options.value("--key-folder"),
        publisher: checkedName(needed("--publisher")),
        signers: options.values("--key").map(readKey) as [Signer, ...Signer[]],
        token: tokenFile === undefined ? undefined : readFileSync(resolve(tokenFile), "utf8").trim(),
        names: [],
        archives: new Map(),
        next(before) {
          const release = releaseIn(typed, (one) => before?.targets[archiveOf(one)] !== undefined);
          meant.release = release;
          const path = archiveOf(release);
          if (!before || (readNotes(before.targets[path]!.custom, path).yanked === undefined) === isUndone) return undefined;
          const change = ({ yanked: _before, ...notes }: ReturnType<typeof readNotes>) => ({ ...notes, ...(yanked && { yanked }) });
          return changedList(before, release, change, () => systemClock.now());
        },
      },
      io,
    );
    const what = `${typed.replace("@", " ")} is ${done ? "" : "already "}${isUndone ? "offered again" : "yanked"}`;
    io.print(
      io.json ? JSON.stringify({ ok: true, ...meant.release, yanked: !isUndone, isNew: done !== undefined }) : `${dot("good")} ${what}`,
    );
    return 0;
  },
};

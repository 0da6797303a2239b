/** `pincer registry rekey`: other keys for a publisher, by those of before, or by the word of the registry's founders. */

import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { rekeyPublisher } from "@pincer/registry/publisher/rekey";
import { timeOf } from "@pincer/registry/schema";
import type { Signer } from "@pincer/registry/trust/key";
import { hexKeysOf, type Owner } from "@pincer/registry/trust/owner";
import { signStatement } from "@pincer/registry/trust/statement";
import { clientErrors } from "../errors.ts";
import { readInput, writeOutput } from "./input-file.ts";
import { passphraseOf, publicKeyIn, shortKey } from "./keys.ts";
import { type Options, readOptions } from "./options.ts";
import {
  needed,
  now,
  persistence,
  placeFlags,
  placeOf,
  placeUsage,
  publisherNamed,
  signerFlags,
  signersIn,
  signerUsage,
} from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";

const weekMs = 7 * 24 * 60 * 60 * 1000;

export const rekey: CommandDefinition = {
  command: withFlags(
    {
      name: "registry rekey",
      summary: "Give a publisher other keys",
      usage: `[--publisher <name>] [--new-key <file-or-public-key>...] [--threshold <number>] [--write <file>] [--statement <file>] ${signerUsage} ${placeUsage}`,
    },
    {
      publisher: "Whose keys they are",
      "new-key": "A key that counts from now on; all of them",
      threshold: "How many of them must sign (default all)",
      statement: "What the founders have signed, as --write made it",
    },
  ),
  async run(args, io) {
    const flags = ["--publisher", "--new-key", "--threshold", "--write", "--statement", ...signerFlags, ...placeFlags];
    const options = readOptions(args, flags);
    const publisher = publisherNamed(options, "--publisher", "whose keys they are");
    needed(options, "--new-key", "each key that counts from now on");
    const passphrase = passphraseOf(options);
    const keys = options.values("--new-key").map((text) => publicKeyIn(text, passphrase));
    const owner: Owner = { keys, threshold: thresholdIn(options, keys.length) };
    const place = placeOf(options, io);
    const shown = `${owner.threshold === keys.length ? "" : `${owner.threshold} of `}${hexKeysOf(owner).map(shortKey).join(", ")}`;
    const answer = { ok: true, publisher, keys: hexKeysOf(owner), threshold: owner.threshold };

    const written = options.value("--write");
    if (written !== undefined) {
      const list = (await place.publisher(publisher))?.list?.signed.version ?? 0;
      const expires = timeOf(now() + weekMs);
      const wish = { _type: "rekey", publisher, keys: hexKeysOf(owner), threshold: owner.threshold, list, expires } as const;
      writeOutput(written, signStatement(wish, signersIn(options)));
      const next = `pincer registry sign ${written} --key <file>`;
      const then = `pincer registry rekey --registry ${place.name} --publisher ${publisher} --new-key <file> --statement ${written}`;
      io.result(
        { ...answer, expires, file: written },
        `${dot("good")} ${written} says that ${publisher} shall sign with ${shown}, until ${expires}\n  next  ${next}\n        ${then}`,
      );
      return 0;
    }
    const newSigners = keys.filter((key): key is Signer => "sign" in key);
    if (newSigners.length === 0)
      throw clientErrors.REGISTRY_CLIENT_USAGE(
        "--new-key: expected the file of a key, since the new keys sign too, came public keys alone",
      );
    const given = options.value("--statement");
    if (given === undefined) needed(options, "--key", `the key of before, or --statement <file> of the registry's founders`);
    const isNew = await rekeyPublisher(
      {
        ...{ place, publisher, owner, now, signers: signersIn(options), newSigners: newSigners as [Signer, ...Signer[]] },
        statement: given === undefined ? undefined : readInput(given, "a rekey, as --write makes one"),
      },
      persistence(io),
    );
    const text = `${dot("good")} ${publisher} ${isNew ? "signs" : "signs already"} with ${shown}${isNew ? " from now on; who has something of it installed is asked first" : ""}`;
    io.result({ ...answer, isNew }, text);
    return 0;
  },
};

function thresholdIn(options: Options, keys: number): number {
  const text = options.value("--threshold") ?? String(keys);
  const threshold = Number(text);
  if (/^\d+$/.test(text) && threshold >= 1 && threshold <= keys) return threshold;
  throw clientErrors.REGISTRY_CLIENT_USAGE(
    `--threshold: expected a number from 1 to ${keys}, as many as there are keys, came ${JSON.stringify(text)}`,
  );
}

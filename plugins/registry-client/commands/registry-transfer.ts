/** `pincer registry transfer`: a name, with all its releases, becomes another publisher's. The old one signs that it shall be, the new one that it is. */
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { persistently } from "@pincer/registry/publisher/persistently";
import type { RegistryPlace } from "@pincer/registry/publisher/place";
import { takeName } from "@pincer/registry/publisher/take";
import { timeOf } from "@pincer/registry/schema";
import { hexKeysOf } from "@pincer/registry/trust/owner";
import { parseStatement, signStatement } from "@pincer/registry/trust/statement";
import { clientErrors } from "../errors.ts";
import { readInput, writeOutput } from "./input-file.ts";
import { publicKeyIn, shortKey } from "./keys.ts";
import { type Options, readOptions } from "./options.ts";
import {
  needed,
  now,
  ownedIn,
  persistence,
  placeOf,
  publisherFlags,
  publisherNamed,
  publisherSide,
  publisherUsage,
  signersIn,
} from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";
import { counted } from "./shown.ts";

const weekMs = 7 * 24 * 60 * 60 * 1000;

export const transfer: CommandDefinition = {
  command: withFlags(
    {
      name: "registry transfer",
      summary: "Hand a name over to another publisher: offer, accept",
      usage: `<offer|accept> <name> [--to <publisher>] [--new-key <file-or-public-key>...] [--write <file>] [--statement <file>] ${publisherUsage}`,
    },
    {
      to: "The publisher that gets the name",
      "new-key": "A key of that publisher, who is new in the registry; all of them",
      statement: "What the founders have signed, as --write made it",
    },
  ),
  async run(args, io) {
    const options = readOptions(args, [...publisherFlags, "--to", "--new-key", "--write", "--statement"]);
    const [action = "", typed = ""] = options.words;
    if (action === "offer") return offer(typed, options, io);
    if (action === "accept") return accept(typed, options, io);
    throw clientErrors.REGISTRY_CLIENT_USAGE(`expected offer or accept, came ${JSON.stringify(action)}`);
  },
};

async function offer(typed: string, options: Options, io: CommandIo): Promise<number> {
  const place = placeOf(options, io);
  const { name, owned } = await ownedIn(place, typed);
  const from = owned.publisher;
  const given = options.value("--statement");
  const written = options.value("--write");
  if (given === undefined && written === undefined)
    needed(options, "--key", `the key of ${from}, or --write <file> for what the registry's founders sign`);
  const statement =
    given === undefined
      ? signStatement(
          {
            _type: "transfer",
            ...{ ...name, from, ...(await receiver(place, options)) },
            list: (await place.publisher(from))?.list?.signed.version ?? 0,
            expires: timeOf(now() + weekMs),
          },
          signersIn(options),
        )
      : readInput(given, "a transfer, as --write makes one");
  const { to, keys, expires } = parseStatement("transfer", statement).signed;
  const answer = { ok: true, ...name, from, to, keys, expires };
  const whom = `${to} (${keys.map(shortKey).join(", ")})`;
  if (written !== undefined) {
    writeOutput(written, statement);
    const next = `pincer registry sign ${written} --key <file>`;
    const then = `pincer registry transfer offer ${typed} --registry ${place.name} --statement ${written}`;
    io.result(
      { ...answer, file: written },
      `${dot("good")} ${written} says that ${name.id} shall be ${whom}'s, until ${expires}\n  next  ${next}\n        ${then}`,
    );
    return 0;
  }
  await persistently(persistence(io), () => place.offer(name, statement));
  const next = `pincer registry transfer accept ${typed} --registry ${place.name} --publisher ${to} --key <file>`;
  io.result(answer, `${dot("good")} ${name.id} is offered to ${whom}, until ${expires}\n  next  ${next}`);
  return 0;
}

/** Who gets it, and with which keys: those of whoever is new in the registry nobody knows from there. */
async function receiver(place: RegistryPlace, options: Options): Promise<{ readonly to: string; readonly keys: string[] }> {
  const to = publisherNamed(options, "--to", "the publisher that gets the name");
  const known = (await place.publisher(to))?.owner;
  if (known) return { to, keys: hexKeysOf(known) };
  needed(options, "--new-key", `the key of ${to}, who is new there: whoever comes first could call himself that`);
  return { to, keys: hexKeysOf({ keys: options.values("--new-key").map((text) => publicKeyIn(text)), threshold: 1 }) };
}

async function accept(typed: string, options: Options, io: CommandIo): Promise<number> {
  const side = publisherSide(options, io);
  const { name } = await ownedIn(side.place, typed);
  const { from, releases } = await takeName({ ...side, name, now }, persistence(io));
  const to = side.publisher;
  io.result(
    { ok: true, ...name, from, to, releases },
    `${dot("good")} ${name.id} is ${to}'s from now on, with ${counted(releases, "release")}; who has it installed is asked first`,
  );
  return 0;
}

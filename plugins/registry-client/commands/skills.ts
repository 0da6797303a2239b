/** `pincer skills`: those that are shared, over the same plans as plugins. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command, CommandDefinition } from "@pincer/plugin-sdk";
import { flagsIn } from "@pincer/plugin-sdk/command/usage";
import { clientErrors, told } from "../errors.ts";
import { carryOut } from "./carry-out.ts";
import { fromHere } from "./from-here.ts";
import { readOptions } from "./options.ts";
import { consent, unasked } from "./packages.ts";
import { publish as publishPackage, publishValued } from "./registry-publish.ts";

const valued = ["--accept"];

/** What is installed, and no plugin that has the same name. */
const skillNamed = (typed: string): string => (typed.includes("/") ? typed : `skills/${typed}`);

const command = (name: string, summary: string, usage: string): Command => {
  const sentences: Readonly<Record<string, string>> = {
    ...publishPackage.command.flags,
    ...(usage.includes("--accept") ? consent : unasked),
  };
  return {
    name: `skills ${name}`,
    summary,
    usage,
    flags: Object.fromEntries(flagsIn(usage).map((flag) => [flag.name, sentences[flag.name] ?? ""])),
  };
};

const publish: CommandDefinition = {
  command: command("publish", "Pack, sign and publish a skill; it is scanned, and what that finds is shown", publishPackage.command.usage),
  async run(args, io) {
    const [folder = ""] = readOptions(args, publishValued).words;
    if (existsSync(join(folder, "SKILL.md"))) return publishPackage.run(args, io);
    throw clientErrors.REGISTRY_CLIENT_USAGE(`${resolve(folder)} is no skill: expected a SKILL.md in it`);
  },
};

const install: CommandDefinition = {
  command: command(
    "install",
    "Install skills: weather, weather@1.2.0, clawhub:@ada/weather, a folder; it shows what each tells the model, and asks",
    "<skill> [skill...] [--yes] [--accept <permission>...]",
  ),
  async run(args, io) {
    const options = readOptions(args, valued);
    if (options.words.length === 0)
      throw clientErrors.REGISTRY_CLIENT_USAGE("expected what to install, such as weather or clawhub:weather");
    const packages = options.words.map((typed) => fromHere(typed, "skills"));
    return carryOut({ do: "install", packages, kind: "skills" }, options, `skills install ${options.words.join(" ")}`, io);
  },
};

const update: CommandDefinition = {
  command: command(
    "update",
    "Bring installed skills up to date; it shows which text has changed, and asks",
    "[skill...] [--yes] [--accept <permission>...]",
  ),
  async run(args, io) {
    const options = readOptions(args, valued);
    const packages = options.words.length > 0 ? { packages: options.words.map(skillNamed) } : {};
    return carryOut({ do: "update", kind: "skills", ...packages }, options, ["skills update", ...options.words].join(" "), io);
  },
};

const remove: CommandDefinition = {
  command: command("remove", "Remove installed skills", "<skill> [skill...] [--yes]"),
  async run(args, io) {
    const options = readOptions(args, valued);
    const typed = `skills remove ${options.words.join(" ")}`;
    return carryOut({ do: "remove", packages: options.words.map(skillNamed) }, options, typed, io);
  },
};

const rollback: CommandDefinition = {
  command: command("rollback", "Go back to the version of a skill before", "<skill> [--yes] [--accept <permission>...]"),
  async run(args, io) {
    const options = readOptions(args, valued);
    const typed = `skills rollback ${options.words.join(" ")}`;
    return carryOut({ do: "rollback", packages: options.words.map(skillNamed) }, options, typed, io);
  },
};

const sync: CommandDefinition = {
  command: command(
    "sync",
    "Make the skills what pincer.lock says, or bring those of another gateway's here; what you changed stays, and is told",
    "[pincer.lock] [--yes] [--accept <permission>...]",
  ),
  async run(args, io) {
    const options = readOptions(args, valued);
    const [lock] = options.words;
    const from = lock === undefined ? {} : { lock: resolve(lock) };
    return carryOut({ do: "sync", ...from }, options, ["skills sync", ...options.words].join(" "), io);
  },
};

export const skillCommands: readonly CommandDefinition[] = [publish, install, update, remove, rollback, sync].map((definition) => ({
  command: definition.command,
  run: (args, io) => told(() => definition.run(args, io)),
}));

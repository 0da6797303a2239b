/** `pincer registry add`, `list` and `remove`: whose packages are looked for, and by which keys they are known. */

import { copyFileSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { table } from "@pincer/plugin-sdk/command/columns";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { isObject, type Json, putAt, valueAt } from "@pincer/plugin-sdk/json5";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { isName } from "@pincer/registry/name";
import { sha256Of } from "@pincer/registry/sha256";
import { parseMetadata } from "@pincer/registry/trust/metadata";
import type { Registry } from "../config.ts";
import { settingsOfFile } from "../engine/home/settings.ts";
import { fingerprintOf } from "../engine/package/review.ts";
import { clientErrors } from "../errors.ts";
import { isNotRunning } from "./backend.ts";
import { readInput } from "./input-file.ts";
import { readOptions } from "./options.ts";

const at = ["plugins", "registry-client", "config", "registries"] as const;

async function registriesIn(io: CommandIo): Promise<readonly Registry[]> {
  const written = valueAt(await settingsOfFile(io.home).read(io.signal), at);
  return (Array.isArray(written) ? written : []).filter(isObject) as unknown as readonly Registry[];
}

/** Through the gateway when one runs: it would see the file change by itself too, but only after the next command was typed, perhaps. */
async function write(io: CommandIo, registries: readonly Registry[]): Promise<void> {
  const value = registries.length === 0 ? undefined : (registries as unknown as Json);
  try {
    const { hash } = (await io.call("config.get", {})) as { readonly hash: string };
    const raw = JSON.stringify(putAt({}, at, value ?? null));
    await io.call("config.patch", { raw, baseHash: hash, replacePaths: [at.join(".")] });
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    await settingsOfFile(io.home).change([[at, value]], io.signal);
  }
}

/** Throws where the file is no root that its own keys have signed in the form of a registry's. */
function rootIn(file: string) {
  const bytes = readInput(file, "the root of a registry, as 1.root.json");
  try {
    const { signed } = parseMetadata("root", "root", bytes);
    const { keyids, threshold } = signed.roles.root;
    return { bytes, threshold, fingerprints: keyids.map((id) => fingerprintOf(signed.keys[id]!.keyval.public)) };
  } catch (error) {
    throw clientErrors.REGISTRY_CLIENT_CONFIG_INVALID(`${file} is not the root of a registry: ${errorMessage(error)}`);
  }
}

const add: CommandDefinition = {
  command: {
    name: "registry add",
    summary: "Look for packages in a registry too, whose root keys you trust",
    usage: "<name> <address> [--root <file>]",
    flags: { root: "Its root.json, got from whom you trust, and not from the registry itself" },
  },
  async run(args, io) {
    const { words: names, value } = readOptions(args, ["--root"]);
    const [name = "", address = ""] = names;
    const file = value("--root");
    if (!isName(name)) throw clientErrors.REGISTRY_CLIENT_USAGE(`expected a name of small letters, digits and dashes, came "${name}"`);
    if (file === undefined)
      throw clientErrors.REGISTRY_CLIENT_USAGE(
        "--root <file> is missing: its root.json, got from whom you trust, and not from the registry itself",
      );
    const present = await registriesIn(io);
    if (present.some((one) => one.name === name))
      throw clientErrors.REGISTRY_CLIENT_USAGE(`there is a registry "${name}" already: "pincer registry remove ${name}" first`);
    const root = rootIn(resolve(file));
    // A copy: what is trusted does not change because a file elsewhere does.
    const kept = join("registries", `${name}-${sha256Of(root.bytes).slice(0, 12)}.root.json`);
    mkdirSync(join(io.home, "registries"), { recursive: true, mode: 0o700 });
    copyFileSync(resolve(file), join(io.home, kept));
    const isWeb = /^https?:/.test(address);
    if (!isWeb && /^\w+:/.test(address))
      throw clientErrors.REGISTRY_CLIENT_USAGE(`expected an https address, a folder, or a file that was exported, came "${address}"`);
    const registry: Registry = { name, address: isWeb ? address : resolve(address), root: kept };
    await write(io, [...present, registry]);
    const { threshold, fingerprints } = root;
    const lines = [
      plainly(`packages of ${name} are found from now on, at ${registry.address}`),
      `trusted are ${threshold} of these root keys:`,
      ...fingerprints.map((fingerprint) => `  ${fingerprint}`),
    ];
    io.result({ ok: true, registry, threshold, fingerprints }, lines.join("\n"));
    return 0;
  },
};

const list: CommandDefinition = {
  command: { name: "registry list", summary: "The registries, in the order in which they are asked", usage: "" },
  async run(_args, io) {
    const registries = await registriesIn(io);
    const rows = registries.map(({ name, address }) => [name, plainly(address)]);
    const none = "none: only what this Pincer brings is found by its name; pincer registry add <name> <address> has one looked in too";
    io.result({ ok: true, registries }, rows.length === 0 ? none : table(["name", "address"], rows));
    return 0;
  },
};

const remove: CommandDefinition = {
  command: { name: "registry remove", summary: "Look there no more; what was installed from it stays", usage: "<name>" },
  async run([name = ""], io) {
    const registries = await registriesIn(io);
    const names = registries.map((one) => one.name);
    const near = suggestion(name, names) || ': "pincer registry list" shows which there are';
    if (!names.includes(name)) throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`there is no registry "${name}"${near}`);
    await write(
      io,
      registries.filter((one) => one.name !== name),
    );
    io.result({ ok: true, name }, `${name} is not asked any more`);
    return 0;
  },
};

export const registryListCommands: readonly CommandDefinition[] = [add, list, remove];

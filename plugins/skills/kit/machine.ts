/** What this machine has of what a skill needs, seen without a gateway: the programs that commands would find, and what the operator has set. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isObject, type Json, jsonOf, parseJson5, valueAt } from "@pincer/plugin-sdk/json5";
import type { Skill } from "@pincer/plugin-sdk/skill";

export interface Machine {
  readonly system: string;
  /** Where commands look for programs. */
  readonly path: string;
  readonly configuration: Json;
}

/** A configuration that is not in order is the gateway's to complain of: here nothing is set then. */
export function machineOf(home: string, env: Readonly<Record<string, string | undefined>>): Machine {
  const file = join(home, "pincer.json5");
  let configuration: Json = {};
  try {
    if (existsSync(file)) configuration = jsonOf(parseJson5(readFileSync(file, "utf8")));
  } catch {
    // silent-ok: see above
  }
  return { system: process.platform, path: `${env["PATH"] ?? ""}:${dirname(process.execPath)}`, configuration };
}

/** Why the skill would not work here; empty: it would. */
export function reasonsOf(
  { runtime: { os, requires, always, primaryEnv, key } }: Skill,
  { system, path, configuration }: Machine,
): readonly string[] {
  const isHere = os.length === 0 || os.some((one) => one === system);
  const otherwise = isHere ? [] : [`it works on ${os.join(", ")}, and this is ${system}`];
  if (always) return otherwise;
  const has = (program: string) => Bun.which(program, { PATH: path }) !== null;
  const set = (...at: readonly string[]) => valueAt(configuration, at);
  const given = [set("skills", "entries", key, "env"), set("plugins", "tools-exec", "config", "environment")];
  const variables = given.flatMap((value) => (value !== undefined && isObject(value) ? Object.keys(value) : []));
  const hasKey = primaryEnv !== undefined && set("skills", "entries", key, "apiKey") !== undefined;
  const missing = requires.bins.filter((program) => !has(program));
  return [
    ...otherwise,
    ...(missing.length === 0 ? [] : [`commands here have no ${missing.join(", ")}`]),
    ...(requires.anyBins.length === 0 || requires.anyBins.some(has) ? [] : [`commands here have no ${requires.anyBins.join(" or ")}`]),
    ...requires.env
      .filter((name) => !variables.includes(name) && !(hasKey && name === primaryEnv))
      .map((name) => `${name} is not set: pincer config set skills.entries.${key}.env.${name} ...`),
    ...requires.config.filter((at) => !isSet(set(...at.split(".")))).map((at) => `${at} is not set in the configuration`),
  ];
}

function isSet(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== undefined && isObject(value)) return value["enabled"] !== false;
  return Boolean(value);
}

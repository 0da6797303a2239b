/** Whether a skill would work on this machine, seen without a gateway: the programs that commands would find, and what the operator has set. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isObject, type Json, jsonOf, parseJson5, valueAt } from "@pincer/plugin-sdk/json5";
import type { Skill } from "@pincer/plugin-sdk/skill";
import type { SkillEntry } from "../config.ts";
import { missingOf, reasonsOf } from "../requirements.ts";

export interface Machine {
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
  return { path: `${env["PATH"] ?? ""}:${dirname(process.execPath)}`, configuration };
}

/** Empty: it would. */
export function lacks({ runtime }: Skill, { path, configuration }: Machine): readonly string[] {
  const { key, requires } = runtime;
  const written = valueAt(configuration, ["skills", "entries", key]);
  const given = valueAt(configuration, ["plugins", "tools-exec", "config", "environment"]);
  const around = {
    programs: new Set([...requires.bins, ...requires.anyBins].filter((program) => Bun.which(program, { PATH: path }) !== null)),
    variables: new Set(given !== undefined && isObject(given) ? Object.keys(given) : []),
    system: process.platform,
    configuration,
  };
  return reasonsOf(missingOf(runtime, (written ?? {}) as SkillEntry, around), key, around);
}

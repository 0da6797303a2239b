/** Whether a skill can work where its commands would run, and why not. */
import { isObject, type Json, valueAt } from "@pincer/plugin-sdk/json5";
import type { SkillRuntime } from "@pincer/plugin-sdk/skill-runtime";
import type { SkillEntry } from "./config.ts";

/** What there is: on the PATH of commands, in their environment, in the configuration. */
export interface Surroundings {
  readonly programs: ReadonlySet<string>;
  readonly variables: ReadonlySet<string>;
  readonly system: string;
  readonly configuration: Json;
  /** Nothing runs commands here. */
  readonly none?: boolean;
}

export interface Missing {
  readonly bins: readonly string[];
  readonly anyBins: readonly string[];
  readonly env: readonly string[];
  readonly config: readonly string[];
  readonly os: readonly string[];
}

/** The variables that a skill's commands get by the operator's word. */
export const entryVariables = ({ primaryEnv }: Pick<SkillRuntime, "primaryEnv">, entry: SkillEntry): readonly string[] => [
  ...new Set([...Object.keys(entry.env ?? {}), ...(primaryEnv !== undefined && entry.apiKey !== undefined ? [primaryEnv] : [])]),
];

export function missingOf(runtime: SkillRuntime, entry: SkillEntry, around: Surroundings): Missing {
  const { os, requires, always } = runtime;
  const given = new Set([...around.variables, ...entryVariables(runtime, entry)]);
  const isThere = (program: string) => around.programs.has(program);
  return {
    os: os.length === 0 || os.some((system) => system === around.system) ? [] : os,
    bins: always ? [] : requires.bins.filter((program) => !isThere(program)),
    anyBins: always || requires.anyBins.length === 0 || requires.anyBins.some(isThere) ? [] : requires.anyBins,
    env: always ? [] : requires.env.filter((name) => !given.has(name)),
    config: always ? [] : requires.config.filter((path) => !isSet(around.configuration, path)),
  };
}

export function reasonsOf({ bins, anyBins, env, config, os }: Missing, key: string, { system, none }: Surroundings): readonly string[] {
  const where = none === true ? "no plugin runs commands here, so that there is no" : "commands here have no";
  return [
    ...(os.length === 0 ? [] : [`it works on ${os.join(", ")}, and this is ${system}`]),
    ...(bins.length === 0 ? [] : [`${where} ${bins.join(", ")}`]),
    ...(anyBins.length === 0 ? [] : [`${where} ${anyBins.join(" or ")}`]),
    ...env.map((name) => `${name} is not set: skills.entries.${key}.env.${name}`),
    ...config.map((path) => `${path} is not set in the configuration`),
  ];
}

function isSet(configuration: Json, path: string): boolean {
  const value = valueAt(configuration, path.split("."));
  if (Array.isArray(value)) return value.length > 0;
  if (value !== undefined && isObject(value)) return value["enabled"] !== false;
  return Boolean(value);
}

/** What the environment adds to the file: `${NAME}` inside strings, and the few variables that win over it. */
import { isObject, type Json } from "@pincer/plugin-sdk/json5";
import type { Path } from "@pincer/plugin-sdk/shape";

export type Environment = Readonly<Record<string, string | undefined>>;

const reference = /\$(\$?)\{([A-Z_][A-Z0-9_]*)\}/g;

/** Variable and the path that it sets. */
export const overrides: readonly (readonly [name: string, path: Path])[] = [
  ["PINCER_PORT", ["gateway", "port"]],
  ["PINCER_TOKEN", ["gateway", "auth", "token"]],
  ["PINCER_MODEL", ["models", "default"]],
];

/** `$${NAME}` stands for the text `${NAME}`. A variable that is not set is reported, and its reference stays. */
export function expand(value: Json, env: Environment, missing: (path: Path, name: string) => void, path: Path = []): Json {
  if (typeof value === "string")
    return value.replace(reference, (whole, escaped: string, name: string) => {
      if (escaped) return whole.slice(1);
      if (env[name] === undefined) missing(path, name);
      return env[name] ?? whole;
    });
  if (Array.isArray(value)) return value.map((item: Json, i) => expand(item, env, missing, [...path, String(i)]));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, expand(member, env, missing, [...path, key])]));
}

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

/** `$${NAME}` stands for the text `${NAME}`. A value with a variable that is not set is left out and reported. */
export function expand(value: Json, env: Environment, missing: (path: Path, name: string) => void, path: Path = []): Json | undefined {
  if (typeof value === "string") {
    let complete = true;
    const text = value.replace(reference, (whole, escaped: string, name: string) => {
      if (escaped) return whole.slice(1);
      const found = env[name];
      if (found === undefined) {
        missing(path, name);
        complete = false;
      }
      return found ?? "";
    });
    return complete ? text : undefined;
  }
  const inside = (member: Json, key: string | number) => expand(member, env, missing, [...path, String(key)]);
  if (Array.isArray(value)) return value.flatMap((item: Json, i) => inside(item, i) ?? []);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => {
      const expanded = inside(member, key);
      return expanded === undefined ? [] : [[key, expanded]];
    }),
  );
}

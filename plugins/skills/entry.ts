/** A skill's entry in the configuration, changed as `skills.update` says. */
import { isObject, type JsonObject } from "@pincer/plugin-sdk/json5";
import type { ParamsOf } from "@pincer/plugin-sdk/method";
import type * as methods from "./methods.ts";
import type { SkillsContext } from "./uses.ts";

type Change = Extract<ParamsOf<typeof methods.skillsUpdate>, { skillKey: string }>;

/** Values of the environment that are empty go. */
export async function changeEntry({ uses }: SkillsContext, { skillKey, enabled, apiKey, env }: Change, signal: AbortSignal) {
  const { hash, written } = await uses.configuration.read({}, { signal });
  const file = isObject(written as JsonObject) ? (written as JsonObject) : {};
  const section = objectAt(file, "skills");
  const entries = objectAt(section, "entries");
  const before = objectAt(entries, skillKey);
  const next = {
    ...before,
    ...(enabled === undefined ? {} : { enabled }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(env === undefined ? {} : { env: withoutEmpty({ ...objectAt(before, "env"), ...env }) }),
  };
  if (apiKey === "") delete (next as Record<string, unknown>)["apiKey"];
  await uses.configuration.edit(
    { value: { ...file, skills: { ...section, entries: { ...entries, [skillKey]: next } } }, baseHash: hash },
    { signal },
  );
  const { enabled: isOn } = next as { enabled?: boolean };
  return {
    ok: true as const,
    skillKey,
    config: { ...(isOn === undefined ? {} : { enabled: isOn }), env: Object.keys(objectAt(next, "env")) },
  };
}

const objectAt = (value: JsonObject, key: string): JsonObject => {
  const inside = Object.hasOwn(value, key) ? value[key] : undefined;
  return inside !== undefined && isObject(inside) ? inside : {};
};

const withoutEmpty = (env: JsonObject): JsonObject => Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));

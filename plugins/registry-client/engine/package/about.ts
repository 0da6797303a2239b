/** What a package says of itself, in `plugin.json` or `SKILL.md`: what it may do, and what a model is told of it. */
import { reviewPermissions } from "@pincer/plugin-kit/permission-review";
import { isObject } from "@pincer/plugin-sdk/json5";
import { type Manifest, parseManifest } from "@pincer/plugin-sdk/manifest";
import type { Kind } from "@pincer/registry/name";
import { aboutSkill } from "./about-skill.ts";
import type { PermissionEntry, Reads } from "./description.ts";

export interface About {
  readonly id: string;
  /** Of a skill, only where it says one. */
  readonly version?: string;
  readonly summary: string;
  readonly permissions: readonly PermissionEntry[];
  /** By what it is about. */
  readonly told: ReadonlyMap<string, string>;
  /** Of a skill: the tokens of what a model reads of it. */
  readonly reads?: Reads;
  /** Of a skill: what there must be where it is used. */
  readonly requires?: readonly string[];
  /** Of a plugin. */
  readonly manifest?: Manifest;
}

export const manifestFile: Readonly<Record<Kind, string>> = { plugins: "plugin.json", skills: "SKILL.md" };

/** `file`: for people. `id`: what the folder of a skill would be called. Throws what is wrong with it. */
export function aboutPackage(kind: Kind, id: string, text: string, file: string): About {
  return kind === "plugins" ? aboutPlugin(parseManifest(text, file)) : aboutSkill(text, file, id);
}

export function aboutPlugin(manifest: Manifest): About {
  const { id, version, summary, permissions, generated } = manifest;
  const { tool = {} } = generated?.provides ?? {};
  return {
    ...{ id, version, summary, manifest },
    permissions: reviewPermissions(permissions).map(({ risk, permission, text }) => ({ risk, permission, text })),
    told: new Map(Object.entries(tool).map(([name, { record }]) => [`tool ${name}`, toolText(record)])),
  };
}

function toolText(record: unknown): string {
  if (!isObject(record)) return "";
  const { summary, parameters } = record;
  return [summary, ...describedIn(parameters, "")].join("\n");
}

/** Each parameter and its kind, with all that is said of it, in the order of the manifest: a model reads the whole schema. */
function describedIn(schema: unknown, at: string): readonly string[] {
  if (!isObject(schema)) return schema === undefined ? [] : [`${at} ${JSON.stringify(schema)}`];
  const { properties, items, ...rest } = schema;
  const members = Object.entries(isObject(properties) ? properties : {});
  const names = members.map(([name]) => name);
  const { type, description } = rest;
  const more = Object.entries(rest).filter(([key, value]) => !isPlain(key, value, names));
  const own = [
    at,
    typeof type === "string" && (at !== "" || type !== "object") && `(${type})`,
    typeof description === "string" && description,
    more.length > 0 && JSON.stringify(Object.fromEntries(more)),
  ].filter(Boolean);
  return [
    ...(own.length > 0 ? [own.join(" ")] : []),
    ...members.flatMap(([name, member]) => describedIn(member, at === "" ? name : `${at}.${name}`)),
    ...(isObject(properties) ? [] : describedIn(properties, `${at}.`)),
    ...describedIn(items, `${at}[]`),
  ];
}

/** What stands in the line in words, or says no more than the names of the parameters do. */
function isPlain(key: string, value: unknown, names: readonly string[]): boolean {
  if (key === "type" || key === "description") return typeof value === "string";
  if (key === "required") return Array.isArray(value) && value.every((name) => names.includes(name));
  return key === "additionalProperties" && typeof value === "boolean";
}

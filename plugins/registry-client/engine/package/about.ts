/** What a package says of itself, in `plugin.json` or `SKILL.md`: what it may do, and what a model is told of it. */
import { reviewPermissions } from "@pincer/plugin-kit/permission-review";
import { isObject } from "@pincer/plugin-sdk/json5";
import { type Manifest, parseManifest } from "@pincer/plugin-sdk/manifest";
import type { Kind } from "@pincer/registry/name";
import type { PlanItem } from "../plan/plan.ts";
import { aboutSkill } from "./about-skill.ts";

export interface About {
  readonly id: string;
  /** Of a skill, only where it says one. */
  readonly version?: string;
  readonly summary: string;
  readonly permissions: PlanItem["permissions"];
  /** By what it is about. */
  readonly told: ReadonlyMap<string, string>;
  /** Of a skill: the tokens of what a model reads of it. */
  readonly reads?: PlanItem["reads"];
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

/** Each parameter and its kind, with what is said of it, in the order of the manifest. */
function describedIn(schema: unknown, at: string): readonly string[] {
  if (!isObject(schema)) return [];
  const { type, description, properties, items } = schema;
  const own = at === "" ? [] : [[at, typeof type === "string" && `(${type})`, description].filter(Boolean).join(" ")];
  const inside = Object.entries(isObject(properties) ? properties : {}).flatMap(([name, member]) =>
    describedIn(member, at === "" ? name : `${at}.${name}`),
  );
  return [...own, ...inside, ...describedIn(items, `${at}[]`)];
}

/** `pincer plugin new`: a plugin that runs and passes its own tests, made from a template that does so too. */
import { existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { Manifest } from "@pincer/plugin-sdk/manifest";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { Value } from "@sinclair/typebox/value";
import { buildPlugin } from "./build.ts";
import { kitErrors } from "./errors.ts";
import { isPublished } from "./published.ts";

/** Each with the id that stands in its template's files. */
const templates = { channel: "my-channel", provider: "my-provider", tool: "my-tool", blank: "my-plugin" } as const;
type Kind = keyof typeof templates;
export const kinds = Object.keys(templates) as readonly Kind[];

interface NewPlugin {
  readonly kind: string;
  readonly id: string;
  readonly folder: string;
  /** Where the plugin lives that has this id already. */
  readonly takenBy: string | undefined;
  /** Pincer's own folder: it has the templates, and the packages that a plugin needs until it has installed its own. */
  readonly pincer: string;
  readonly clock: Clock;
}

/** Answers with the files that were made, in order. Throws `KIT_*` and changes nothing when it cannot be. */
export async function createPlugin({ kind, id, folder, takenBy, pincer, clock }: NewPlugin): Promise<readonly string[]> {
  const placeholder = Object.hasOwn(templates, kind) ? templates[kind as Kind] : undefined;
  if (placeholder === undefined)
    throw kitErrors.KIT_KIND_UNKNOWN(`there is no kind "${kind}"${suggestion(kind, kinds) || `; there are: ${kinds.join(", ")}`}`);
  if (!Value.Check(Manifest.properties.id, id))
    throw kitErrors.KIT_ID_INVALID(
      `"${id}" cannot be an id: take small letters and digits, in words with - between them, such as "${idFrom(id)}"`,
    );
  if (isPublished(pincer))
    throw kitErrors.KIT_NOT_PUBLISHED(
      `templates, types and the test kit are in a clone of the repository: there "./pincer plugin new ${kind} ${id} <folder>" makes it, and "pincer plugin link <folder>" uses it here`,
    );
  if (takenBy !== undefined) throw kitErrors.KIT_ID_TAKEN(`a plugin "${id}" is in ${takenBy} already: choose another id`);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw kitErrors.KIT_FOLDER_NOT_EMPTY(`${folder} is not empty: name another folder behind the id, or empty this one`);

  const template = join(pincer, "plugin-kit", "templates", kind);
  const named = spell(placeholder, id);
  const files = (await readdir(template, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(template, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(node_modules|dist)\//.test(file))
    .sort();
  for (const file of files) {
    const text = named(await readFile(join(template, file), "utf8"));
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), file === "plugin.json" ? withoutGenerated(text) : text);
  }
  linkPackages(folder, pincer);
  await buildPlugin(folder, clock);
  return files;
}

const withoutGenerated = (text: string): string => {
  const { generated: _, ...written } = JSON.parse(text) as Manifest;
  return `${JSON.stringify(written, null, 2)}\n`;
};

/** Puts an id in the place of another, in each way in which an id is written. */
function spell(from: string, to: string): (text: string) => string {
  const ways: readonly ((id: string) => string)[] = [
    (id) => id,
    (id) => id.toUpperCase().replaceAll("-", "_"),
    (id) => id.charAt(0).toUpperCase() + id.slice(1).replaceAll("-", " "),
  ];
  return (text) => ways.reduce((changed, way) => changed.replaceAll(way(from), way(to)), text);
}

const idFrom = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "") || "my-plugin";

/** What a plugin imports while it is written. Until `bun install` brings them from a registry they are those of this Pincer. */
const packages = ["@pincer/plugin-sdk", "@sinclair/typebox", "bun-types"];

function linkPackages(folder: string, pincer: string): void {
  for (const name of packages) {
    const where = packageOf(name, pincer);
    if (where === undefined || packageOf(name, folder) !== undefined) continue;
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(where, link);
  }
}

/** The folder of a package as code in `from` finds it. Looked for by hand, since the resolver keeps in mind what it did not find. */
export function packageOf(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return realpathSync(found);
    if (folder === dirname(folder)) return undefined;
  }
}

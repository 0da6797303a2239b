/** The plugins of this repository: a registry that needs no network, whose names nobody else can take. */
import { dirname, join } from "node:path";
import { type Manifest, parseManifest } from "@pincer/plugin-sdk/manifest";
import { clientErrors } from "../../errors.ts";
import { namesIn, readText } from "../home/layout.ts";
import { type About, aboutPackage, manifestFile } from "./about.ts";

export interface Embedded {
  readonly id: string;
  readonly folder: string;
  readonly manifest: Manifest;
}

export type EmbeddedPackages = ReturnType<typeof createEmbedded>;

export function createEmbedded(plugins: string) {
  const read = (id: string): Embedded | undefined => {
    const folder = join(plugins, id);
    const file = join(folder, "plugin.json");
    const text = readText(file);
    return text === undefined ? undefined : { id, folder, manifest: parseManifest(text, file) };
  };
  const ids = (): readonly string[] => namesIn(plugins).filter((id) => readText(join(plugins, id, "plugin.json")) !== undefined);
  const skills = join(dirname(plugins), "skills");
  return {
    ids,
    /** Which lie beside its plugins, and are there for every agent. */
    skills: (): readonly About[] =>
      namesIn(skills).flatMap((id) => {
        const file = join(skills, id, manifestFile.skills);
        const text = readText(file);
        // They have the version of what they ship with, unless they say another.
        return text === undefined ? [] : { version: versionOf(dirname(plugins)), ...aboutPackage("skills", id, text, file) };
      }),
    has: (id: string): boolean => /^[a-z0-9-]+$/.test(id) && readText(join(plugins, id, "plugin.json")) !== undefined,
    find: (id: string): Embedded | undefined => (/^[a-z0-9-]+$/.test(id) ? read(id) : undefined),
    /** By its id, or by the last word of it where no other has that: `telegram` is `channel-telegram`. Throws `REGISTRY_CLIENT_NAME_UNCLEAR`. */
    named(name: string): Embedded | undefined {
      const found = /^[a-z0-9-]+$/.test(name) ? read(name) : undefined;
      if (found) return found;
      const all = ids().filter((id) => id.endsWith(`-${name}`));
      if (all.length > 1) throw clientErrors.REGISTRY_CLIENT_NAME_UNCLEAR(`"${name}" could be ${all.join(" or ")}: say which`);
      return all[0] === undefined ? undefined : read(all[0]);
    },
  };
}

const versionOf = (root: string): string =>
  (JSON.parse(readText(join(root, "package.json")) ?? "{}") as { version?: string }).version ?? "";

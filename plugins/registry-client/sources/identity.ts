/** What a handful of files is: which of `plugin.json` and `SKILL.md` lies at their root decides, and says its name and its version. */
import { parseSkill } from "@pincer/plugin-sdk/skill";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { parsedJson } from "@pincer/registry/json";
import { isName, isVersion, type Release } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import { contentSha256 } from "./contents.ts";

/** `where`: for people. Throws `REGISTRY_CLIENT_PACKAGE_INVALID`. */
export function identityOf(files: readonly ArchiveEntry[], where: string): Release {
  const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`${where}: ${why}`);
  const bytesOf = (path: string) => {
    const file = files.find((one) => one.path === path);
    if (file && file.bytes.length > longestManifest) throw refuse(`expected a ${path} of at most ${longestManifest} bytes`);
    return file?.bytes;
  };
  const [manifest, skill] = [bytesOf("plugin.json"), bytesOf("SKILL.md")];
  if (manifest !== undefined) return pluginIn(manifest, refuse);
  if (skill !== undefined) return skillIn(Buffer.from(skill).toString(), files, refuse);
  throw refuse(
    `expected a plugin.json or a SKILL.md at its root, and there ${files.length === 1 ? "is one other file" : `are ${files.length} other files`}`,
  );
}

const longestManifest = 1024 * 1024;

type Refuse = (why: string) => Error;

/** As much of what came instead as anybody reads. */
const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 200) ?? "nothing";

function pluginIn(bytes: Uint8Array, refuse: Refuse): Release {
  const manifest = parsedJson(bytes, (why) => refuse(`its plugin.json: ${why}`));
  const { id, version } = (manifest ?? {}) as { readonly id?: unknown; readonly version?: unknown };
  if (typeof id !== "string" || !isName(id)) throw refuse(`expected a plugin's id in its plugin.json, came ${shown(id)}`);
  if (typeof version !== "string" || !isVersion(version))
    throw refuse(`expected a version such as 1.2.0 in its plugin.json, came ${shown(version)}`);
  return { kind: "plugins", id, version };
}

/** A skill need not say its version: what it consists of is one too. */
function skillIn(text: string, files: readonly ArchiveEntry[], refuse: Refuse): Release {
  // What its folder is called is not known here, where it has the name that it says; that it is one is for the parser to say.
  const said = /^name:[ \t]*["']?([^"'\s]+)/m.exec(text)?.[1];
  const { name, metadata } = parseSkill(text, "SKILL.md", said ?? "");
  if (!isName(name)) throw refuse(`expected a name that begins with a letter in its SKILL.md, came ${shown(name)}`);
  const version = metadata["version"] ?? `0.0.0-h${contentSha256(files).slice(0, 12)}`;
  if (typeof version !== "string" || !isVersion(version))
    throw refuse(`expected a version such as "1.2.0" as metadata.version of its SKILL.md, or none; came ${shown(version)}`);
  return { kind: "skills", id: name, version };
}

/** What a handful of files is: which of `plugin.json` and `SKILL.md` lies at their root decides, and says its name and its version. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import { parseSkill } from "@pincer/plugin-sdk/skill";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { isName, isVersion, type Release } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import { contentSha256 } from "./contents.ts";

/** `where`: for people. Throws `REGISTRY_CLIENT_PACKAGE_INVALID`. */
export function identityOf(files: readonly ArchiveEntry[], where: string): Release {
  const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`${where}: ${why}`);
  const text = (path: string) => {
    const file = files.find((one) => one.path === path);
    if (file && file.bytes.length > longestManifest) throw refuse(`expected a ${path} of at most ${longestManifest} bytes`);
    return file && Buffer.from(file.bytes).toString();
  };
  const [manifest, skill] = [text("plugin.json"), text("SKILL.md")];
  if (manifest !== undefined) return pluginIn(manifest, refuse);
  if (skill !== undefined) return skillIn(skill, files, refuse);
  throw refuse(
    `expected a plugin.json or a SKILL.md at its root, and there ${files.length === 1 ? "is one other file" : `are ${files.length} other files`}`,
  );
}

const longestManifest = 1024 * 1024;

type Refuse = (why: string) => Error;

function pluginIn(text: string, refuse: Refuse): Release {
  let manifest: { readonly id?: unknown; readonly version?: unknown } | null;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw refuse(`its plugin.json is no JSON: ${errorMessage(error)}`);
  }
  const { id, version } = manifest ?? {};
  if (typeof id !== "string" || !isName(id)) throw refuse(`expected a plugin's id in its plugin.json, came ${JSON.stringify(id)}`);
  if (typeof version !== "string" || !isVersion(version))
    throw refuse(`expected a version such as 1.2.0 in its plugin.json, came ${JSON.stringify(version)}`);
  return { kind: "plugins", id, version };
}

/** A skill need not say its version: what it consists of is one too. */
function skillIn(text: string, files: readonly ArchiveEntry[], refuse: Refuse): Release {
  // What its folder is called is not known here, where it has the name that it says; that it is one is for the parser to say.
  const said = /^name:[ \t]*["']?([^"'\s]+)/m.exec(text)?.[1];
  const { name, metadata } = parseSkill(text, "SKILL.md", said ?? "");
  if (!isName(name)) throw refuse(`expected a name that begins with a letter in its SKILL.md, came ${JSON.stringify(name)}`);
  const version = metadata["version"] ?? `0.0.0-h${contentSha256(files).slice(0, 12)}`;
  if (typeof version !== "string" || !isVersion(version))
    throw refuse(`expected a version such as "1.2.0" as metadata.version of its SKILL.md, or none; came ${JSON.stringify(version)}`);
  return { kind: "skills", id: name, version };
}

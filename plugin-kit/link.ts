/** `pincer plugin link` and `unlink`: a gateway uses a plugin from the folder in which it is written, or no longer. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { parseManifest } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { kitErrors } from "./errors.ts";
import { pluginFolder } from "./folder.ts";

/** Beside the versions that were installed. */
const version = "linked";

/** Answers with the plugin's id. */
export function linkPlugin(folder: string, home: string): string {
  const root = pluginFolder(folder);
  const file = join(root, "plugin.json");
  const { id, generated } = parseManifest(readFileSync(file, "utf8"), file);
  if (!generated) throw pluginErrors.PLUGIN_MANIFEST_INVALID(`${file} is not built: run "pincer plugin build ${folder}"`);
  const versions = join(home, "plugins", id);
  mkdirSync(versions, { recursive: true });
  const link = join(versions, version);
  if (isLink(link)) rmSync(link);
  symlinkSync(root, link);
  writeFileSync(join(versions, "current"), `${version}\n`);
  return id;
}

/** Takes back what `linkPlugin` made; `which` is the plugin's id, or its folder, which may be gone. Answers with the id. */
export function unlinkPlugin(which: string, home: string): string {
  const plugins = join(home, "plugins");
  const linked = existsSync(plugins) ? readdirSync(plugins).filter((id) => isLink(join(plugins, id, version))) : [];
  const folder = existsSync(which) ? realpathSync(which) : resolve(which);
  const id = linked.find((each) => each === which) ?? linked.find((each) => readlinkSync(join(plugins, each, version)) === folder);
  if (id === undefined) {
    const are = linked.length > 0 ? `; linked are: ${linked.join(", ")}` : "; none is";
    throw kitErrors.KIT_NOT_LINKED(
      `"${which}" is neither the id nor the folder of a plugin that is linked${suggestion(which, linked) || are}`,
    );
  }
  const versions = join(plugins, id);
  const current = join(versions, "current");
  rmSync(join(versions, version));
  // What was installed before is the current one again.
  if (existsSync(current) && readFileSync(current, "utf8").trim() === version) rmSync(current);
  if (readdirSync(versions).length === 0) rmdirSync(versions);
  return id;
}

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;

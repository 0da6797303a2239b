/** `pincer plugin link`: a gateway uses a plugin from the folder in which it is written. */
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";

/** Beside the versions that were installed. */
const version = "linked";

/** Answers with the plugin's id. */
export function linkPlugin(folder: string, home: string): string {
  const root = realpathSync(folder);
  const file = join(root, "plugin.json");
  if (!existsSync(file)) throw pluginErrors.PLUGIN_MANIFEST_INVALID(`${root} holds no plugin.json: name a plugin's folder`);
  const { id, generated } = parseManifest(readFileSync(file, "utf8"), file);
  if (!generated) throw pluginErrors.PLUGIN_MANIFEST_INVALID(`${file} is not built: run "pincer plugin build ${folder}"`);
  const versions = join(home, "plugins", id);
  mkdirSync(versions, { recursive: true });
  const link = join(versions, version);
  if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link);
  symlinkSync(root, link);
  writeFileSync(join(versions, "current"), `${version}\n`);
  return id;
}

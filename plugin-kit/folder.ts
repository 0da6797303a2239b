/** The folder that an author names: that it holds a plugin is asked once, and said in one way. */
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { kitErrors } from "./errors.ts";

/** Its real path. Throws `KIT_FOLDER_UNFIT`. */
export function pluginFolder(named: string): string {
  const folder = resolve(named);
  const expected = "expected the folder of a plugin, which holds a plugin.json";
  const make = `"pincer plugin new" makes one`;
  if (!existsSync(folder)) throw kitErrors.KIT_FOLDER_UNFIT(`${expected}, and there is no ${folder}: look at the name, or ${make}`);
  if (!statSync(folder).isDirectory())
    throw kitErrors.KIT_FOLDER_UNFIT(`${expected}, and ${folder} is a file: name the folder that it is in`);
  if (existsSync(join(folder, "plugin.json"))) return realpathSync(folder);
  const below = readdirSync(folder).filter((name) => existsSync(join(folder, name, "plugin.json")));
  const next = below.length > 0 ? `name one of those in it: ${below.slice(0, 5).join(", ")}${below.length > 5 ? ", ..." : ""}` : make;
  throw kitErrors.KIT_FOLDER_UNFIT(`${expected}, and ${folder} holds none: ${next}`);
}

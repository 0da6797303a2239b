/** Finds plugin folders and reads their manifests; runs nothing. One that cannot be read is found with its error, and stops nobody else. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { errorMessage, type GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";
import { isOwnSection, type Manifest, manifestDigest, parseManifest } from "@pincer/plugin-sdk/manifest";
import { slowPattern } from "@pincer/plugin-sdk/pattern";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";

/** `source`: `<path>/<id>/plugin.json`. `installed`: `<path>/<id>/<digest>/plugin.json`, immutable, the one that `<path>/<id>/current` names; one that is tried, and that no start takes, `next` names. */
export interface PluginFolder {
  readonly path: string;
  readonly layout: "source" | "installed";
  /** Its plugins are enabled unless the operator says otherwise. */
  readonly enabled?: boolean;
}

export interface Found {
  readonly id: string;
  /** Absolute; holds `plugin.json`. */
  readonly folder: string;
  /** Where it was found. */
  readonly root: PluginFolder;
  /** Of one that the bundle knows, the outline: who loads its code, or shows it, asks for the `whole`. */
  readonly manifest: Manifest | undefined;
  readonly whole: () => Manifest | undefined;
  /** SHA-256 of the manifest's text. */
  readonly digest: string;
  readonly error: GatewayError | undefined;
  /** Read again for a reload: what lies there may be another code than the one that was imported, or bundled with the gateway. */
  readonly isAnew?: boolean;
}

/** What was built together with the gateway, and what it has seen before. */
export interface Bundle {
  /** Whether a manifest of that digest was found in order then, so that no start has to look again. */
  isChecked(id: string, digest: string): boolean;
  /** What a start needs of it, so that it need not be parsed as a whole; undefined: it is. */
  outlineOf?(id: string, digest: string, text: string): Manifest | undefined;
  /** Told of one that was looked at, and is in order. */
  passed?(digest: string): void;
  /** The file that was built from a plugin with exactly this manifest; undefined: it runs from its source. */
  entryOf(plugin: Found): string | undefined;
}

export const dataOf = (home: string, plugin: string): string => join(home, "data", plugin);

/** By id. What was installed takes the place of nothing that is of this repository; otherwise the later root's wins. */
export function discover(roots: readonly PluginFolder[], bundle?: Bundle, isTrial = false): Map<string, Found> {
  const found = new Map<string, Found>();
  for (const root of roots) {
    for (const id of foldersIn(root.path).sort()) {
      if (root.layout === "installed" && found.get(id)?.root.layout === "source") continue;
      const plugin = readPlugin(root, id, bundle, isTrial);
      if (plugin) found.set(id, plugin);
    }
  }
  return found;
}

/** Of a manifest: a pipe in its place would keep whoever reads it waiting for ever, and so would one without end. */
const mostBytes = 4 * 2 ** 20;

/** Undefined when the folder holds no plugin. */
export function readPlugin(root: PluginFolder, id: string, bundle?: Bundle, isTrial = false): Found | undefined {
  const home = join(root.path, id);
  const named = root.layout === "source" ? home : installedIn(home, isTrial);
  if (named === undefined) return undefined;
  const folder = existsSync(named) ? realpathSync(named) : named; // modules are cached under their real paths
  const file = join(folder, "plugin.json");
  const none = { id, folder, root, manifest: undefined, whole: () => undefined };
  let text: string;
  try {
    const found = statSync(file);
    if (!found.isFile() || found.size > mostBytes) throw new Error(`expected a file of at most ${mostBytes} bytes`);
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    return { ...none, digest: "", error: pluginErrors.PLUGIN_MANIFEST_INVALID(`${file}: ${errorMessage(error)}`) };
  }
  const digest = manifestDigest(text);
  try {
    const isChecked = bundle?.isChecked(id, digest);
    let parsed: Manifest | undefined;
    const whole = (): Manifest => {
      parsed ??= parseManifest(text, file, isChecked);
      return parsed;
    };
    const manifest = bundle?.outlineOf?.(id, digest, text) ?? whole();
    const refuse = (expected: string) => pluginErrors.PLUGIN_MANIFEST_INVALID(`${file}: ${expected}`, { data: { file } });
    if (manifest.id !== id) throw refuse(`expected the id "${id}", the name of its folder, came "${manifest.id}"`);
    if (root.layout === "installed" && !isOwnSection(id, manifest.configKey))
      throw refuse(`as configKey "plugins.${id}.config", "channels.${id}", "${id}" or what is below that, came "${manifest.configKey}"`);
    const slow = root.layout === "installed" && !isChecked ? slowPattern(manifest.generated, "/generated") : undefined;
    if (slow)
      throw refuse(`at ${slow.path} a pattern that takes no longer than its text, came ${JSON.stringify(slow.pattern)}: ${slow.why}`);
    if (!manifest.generated) throw refuse(`expected the key "generated": run "pincer plugin build ${folder}"`);
    if (!isChecked) bundle?.passed?.(digest);
    return { id, folder, root, manifest, whole, digest, error: undefined };
  } catch (error) {
    const invalid = isGatewayError(error) ? error : pluginErrors.PLUGIN_MANIFEST_INVALID(`${file}: ${errorMessage(error)}`);
    return { ...none, digest, error: invalid };
  }
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() || entry.isSymbolicLink() ? [entry.name] : [],
    );
  } catch {
    return []; // silent-ok: a root that does not exist holds no plugins
  }
}

/** The version that `current` names, or that is tried; of a folder that says neither, the newest. */
function installedIn(home: string, isTrial: boolean): string | undefined {
  for (const pointer of isTrial ? ["next", "current"] : ["current"])
    try {
      return join(home, readFileSync(join(home, pointer), "utf8").trim());
    } catch {
      // silent-ok: nobody chose one yet
    }
  const versions = existsSync(join(home, "next")) ? [] : foldersIn(home).map((digest) => join(home, digest)); // one that is tried was never in order
  return versions.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

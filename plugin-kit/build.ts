/** `pincer plugin build`: a plugin's manifest brought in step with its code, and bundles that load without transpiling or fetching anything. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { type Manifest, parseManifest } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { loadFailure } from "@pincer/plugin-sdk/runtime/loader";
import type { BuildArtifact, BuildConfig } from "bun";
import { filesOf, pack } from "./archive.ts";
import { type IndexEntry, indexEntry, writeIndex } from "./bundle-index.ts";
import { differenceOf } from "./difference.ts";
import { pluginFolder } from "./folder.ts";
import { recordManifest } from "./record.ts";

interface BuildOptions {
  /** Change nothing; throw `PLUGIN_MANIFEST_INVALID` when the manifest is not what the code says. */
  readonly check?: boolean;
  /** Also bundle the entry and the SDK into this file. */
  readonly bundle?: string;
  /** Also pack the plugin into an archive in this folder. */
  readonly archive?: string;
}

interface Built {
  readonly manifest: Manifest;
  readonly isChanged: boolean;
  /** For people. */
  readonly summary: string;
  readonly archive?: { readonly path: string; readonly bytes: number; readonly files: number; readonly sha256: string };
}

export async function buildPlugin(folder: string, clock: Clock, { check = false, bundle, archive }: BuildOptions = {}): Promise<Built> {
  const root = pluginFolder(folder);
  const { file, text, next, manifest } = await recordManifest(root, clock);
  const isChanged = text !== next;
  if (isChanged && check) {
    const difference = differenceOf(JSON.parse(text), JSON.parse(next));
    const said = [`${file} is not what the code says: run "pincer plugin build ${folder}" and commit it`, ...difference];
    throw pluginErrors.PLUGIN_MANIFEST_INVALID(said.join("\n"), { data: { file, difference } });
  }
  if (isChanged) await writeFile(file, next);
  if (bundle !== undefined) {
    const [entry] = await bundled(manifest.id, root, { entrypoints: [join(root, manifest.entry)], splitting: false });
    await Bun.write(bundle, entry!);
  }
  const summary = `the manifest ${isChanged ? "is brought up to date" : "was up to date"}`;
  if (archive === undefined) return { manifest, isChanged, summary };
  const files = filesOf(root);
  const packed = pack(files);
  const path = join(archive, `${manifest.id}-${manifest.version}.tgz`);
  await Bun.write(path, packed);
  const sha256 = new Bun.CryptoHasher("sha256").update(packed).digest("hex");
  return {
    manifest,
    isChanged,
    summary: `${summary}, packed to ${path} (${files.length} files, ${packed.length} bytes)`,
    archive: { path, bytes: packed.length, files: files.length, sha256 },
  };
}

export interface DefaultSet {
  readonly out: string;
  /** Entry files that are no plugins. Each becomes `<name>.js`. */
  readonly entries: readonly string[];
  /** Absolute folders. */
  readonly plugins: readonly string[];
  /** Folders of plugins that run from their source: their manifests are looked at now, so that no start has to. */
  readonly others?: readonly string[];
  /** Names too, by which the stacks of errors are read. */
  readonly isSmallest?: boolean;
}

/**
 * One build in which everything shares its chunks. The plugin host finds the plugins in it through `plugins.json`. Answers with the files of those that
 * are active from the start.
 */
export async function buildDefaultSet({ out, entries, plugins, others = [], isSmallest = false }: DefaultSet): Promise<readonly string[]> {
  await rm(out, { recursive: true, force: true });
  const wrappers = join(out, "entries");
  await mkdir(wrappers, { recursive: true });
  const index: Record<string, IndexEntry> = {};
  const read = async (folder: string) => {
    const file = join(folder, "plugin.json");
    const text = await readFile(file, "utf8");
    const manifest = parseManifest(text, file);
    index[manifest.id] = indexEntry(text);
    return manifest;
  };
  for (const folder of others) await read(folder);
  const starting: string[] = [];
  const wrapped = plugins.map(async (folder) => {
    const { id, entry, isolation, activate } = await read(folder);
    // For a process of its own it is bundled with its part of the SDK, when it is used first.
    if (isolation === "process") return [];
    const wrapper = join(wrappers, `${id}.ts`);
    await writeFile(wrapper, `export { default } from ${JSON.stringify(join(folder, entry))};\n`);
    index[id] = { file: `${id}.js`, ...index[id]! };
    if (activate === "start") starting.push(`${id}.js`);
    return wrapper;
  });
  const entrypoints = [...entries, ...(await Promise.all(wrapped)).flat()];
  for (const artifact of await bundled("the default set", out, {
    entrypoints,
    splitting: true,
    ...(isSmallest && { minify: true }),
    naming: { entry: "[name].js", chunk: "chunk-[hash].js", asset: "[name]-[hash].[ext]" },
  }))
    await Bun.write(join(out, artifact.path), artifact);
  await rm(wrappers, { recursive: true });
  writeIndex(out, index);
  return starting;
}

/** Minified, except for names, which errors are read by. Throws `PLUGIN_LOAD_FAILED` with file, line and reason; `what` is bundled from `folder`. */
export async function bundled(what: string, folder: string, config: BuildConfig): Promise<BuildArtifact[]> {
  const shared = { target: "bun", format: "esm", sourcemap: "none", minify: { whitespace: true, syntax: true } } as const;
  const { outputs } = await Bun.build({ ...shared, ...config }).catch((error) => {
    throw loadFailure(what, folder, error);
  });
  return outputs;
}

/** `pincer plugin build`: a plugin's manifest brought in step with its code, and bundles that load without transpiling or fetching anything. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { type Manifest, manifestDigest, parseManifest } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { bundleSource } from "@pincer/plugin-sdk/runtime/bundler";
import { loadFailure } from "@pincer/plugin-sdk/runtime/loader";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import type { BuildArtifact, BuildConfig, BuildOutput } from "bun";
import { type ArchiveFile, filesOf, pack } from "./archive.ts";
import { recordManifest } from "./record.ts";

export interface BuildOptions {
  /** Change nothing; throw `PLUGIN_MANIFEST_INVALID` when the manifest is not what the code says. */
  readonly check?: boolean;
  /** Also bundle the entry and the SDK into this file. */
  readonly bundle?: string;
  /** Makes the bundle that runs in a process of its own, somewhere in `out`, and answers with its path; an archive carries it. */
  readonly processBundle?: (
    plugin: { readonly id: string; readonly folder: string; readonly entry: string; readonly digest: string },
    out: string,
  ) => Promise<string>;
  /** Also pack the plugin into an archive in this folder. */
  readonly archive?: string;
}

export interface Built {
  readonly manifest: Manifest;
  readonly isChanged: boolean;
  /** For people. */
  readonly summary: string;
  readonly archive?: { readonly path: string; readonly bytes: number; readonly files: number; readonly sha256: string };
}

export async function buildPlugin(
  folder: string,
  clock: Clock,
  { check = false, bundle, processBundle, archive }: BuildOptions = {},
): Promise<Built> {
  const root = realpathSync(folder);
  const { file, text, next, manifest } = await recordManifest(root, clock);
  const isChanged = text !== next;
  if (isChanged && check)
    throw pluginErrors.PLUGIN_MANIFEST_INVALID(`${file} is not what the code says: run "pincer plugin build ${folder}" and commit it`);
  if (isChanged) await writeFile(file, next);
  if (bundle !== undefined) {
    const [entry] = await bundled(manifest.id, root, { entrypoints: [join(root, manifest.entry)], splitting: false });
    await Bun.write(bundle, entry!);
  }
  if (processBundle) {
    const { id, entry } = manifest;
    const made = await processBundle({ id, folder: root, entry, digest: manifestDigest(next) }, join(root, "dist"));
    if (made !== join(root, processFile)) await rename(made, join(root, processFile));
  }
  const summary = `the manifest ${isChanged ? "is brought up to date" : "was up to date"}`;
  if (archive === undefined) return { manifest, isChanged, summary };
  const files = archiveFiles(root);
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

/** In a plugin's folder, and in its archive. */
const processFile = "dist/process.js";

/** What an archive holds: the plugin's own files, and the bundle for a process of its own once one was made. */
export function archiveFiles(folder: string): readonly ArchiveFile[] {
  const bundle = join(folder, processFile);
  return [...filesOf(folder), ...(existsSync(bundle) ? [{ path: processFile, bytes: readFileSync(bundle) }] : [])];
}

export interface DefaultSet {
  readonly out: string;
  /** Entry files that are no plugins: the CLI, the store's writer. Each becomes `<name>.js`. */
  readonly entries: readonly string[];
  /** Absolute folders. */
  readonly plugins: readonly string[];
  /** Folders of plugins that run from their source: their manifests are looked at now, so that no start has to. */
  readonly others?: readonly string[];
}

/** One build in which everything shares its chunks. The plugin host finds the plugins in it through `plugins.json`. */
export async function buildDefaultSet({ out, entries, plugins, others = [] }: DefaultSet): Promise<void> {
  await rm(out, { recursive: true, force: true });
  const wrappers = join(out, "entries");
  await mkdir(wrappers, { recursive: true });
  const index: Record<string, { readonly file?: string; readonly manifest: string }> = {};
  const read = async (folder: string) => {
    const file = join(folder, "plugin.json");
    const text = await readFile(file, "utf8");
    const manifest = parseManifest(text, file);
    index[manifest.id] = { manifest: manifestDigest(text) };
    return manifest;
  };
  for (const folder of others) await read(folder);
  const wrapped = plugins.map(async (folder) => {
    const { id, entry } = await read(folder);
    const wrapper = join(wrappers, `${id}.ts`);
    await writeFile(wrapper, `export { default } from ${JSON.stringify(join(folder, entry))};\n`);
    index[id] = { file: `${id}.js`, ...index[id]! };
    return wrapper;
  });
  const entrypoints = [...entries, ...(await Promise.all(wrapped))];
  for (const artifact of await bundled("the default set", out, {
    entrypoints,
    splitting: true,
    naming: { entry: "[name].js", chunk: "chunk-[hash].js", asset: "[name]-[hash].[ext]" },
  }))
    await Bun.write(join(out, artifact.path), artifact);
  await rm(wrappers, { recursive: true });
  await writeFile(join(out, "plugins.json"), `${JSON.stringify(index, null, 2)}\n`);
}

async function bundled(what: string, folder: string, config: BuildConfig): Promise<BuildArtifact[]> {
  return (await built(what, folder, config)).outputs;
}

async function built(what: string, folder: string, config: BuildConfig): Promise<BuildOutput> {
  try {
    return await Bun.build({ target: "bun", format: "esm", sourcemap: "none", minify: { whitespace: true, syntax: true }, ...config });
  } catch (error) {
    throw loadFailure(what, folder, error);
  }
}

/** What a bundle was made of. A process is started often: only what has changed is bundled again. */
interface Recipe {
  readonly bundle: string;
  readonly inputs: readonly Input[];
}
type Input = readonly [path: string, modifiedMs: number, bytes: number];

/** Of one plugin; an earlier version may be run again when the present one ends too often. */
const keptBundles = 8;

/**
 * One file with the plugin, the SDK and what runs them in a process of its own; it is named by its content, so that an earlier one stays as
 * it was. `digest` is that of the manifest.
 */
export async function bundleProcess(
  plugin: { readonly id: string; readonly folder: string; readonly entry: string; readonly digest: string },
  out: string,
): Promise<string> {
  const { id, folder, entry, digest } = plugin;
  await mkdir(out, { recursive: true, mode: 0o700 });
  const sdk = dirname(Bun.resolveSync("@pincer/plugin-sdk/package.json", import.meta.dir));
  const typebox = dirname(Bun.resolveSync("@sinclair/typebox/package.json", sdk));
  const recipe = join(out, `${id}-${hashOf([folder, entry, digest, sdk, Bun.version].join("\0"))}.json`);
  const known = await unchanged(recipe);
  if (known !== undefined) return known;
  const begun = clock.now();
  const { text, files } = await bundleSource({ ...plugin, sdk, typebox }).catch((error) => {
    throw loadFailure(id, folder, error);
  });
  const path = join(out, `${id}-${hashOf(text)}.js`);
  if (existsSync(path)) await utimes(path, begun / 1_000, begun / 1_000);
  else await Bun.write(path, text);
  const inputs = await Promise.all([...files.map((file) => resolve(file)), join(folder, "package.json")].map(inputOf));
  // What was written while it was read may or may not be in it.
  if (inputs.every(([, modifiedMs]) => modifiedMs < begun))
    await Bun.write(recipe, JSON.stringify({ bundle: path, inputs } satisfies Recipe));
  await removeOld(id, out);
  return path;
}

const hashOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);

/** Nothing at all where there is no such file. */
async function inputOf(path: string): Promise<Input> {
  const { mtimeMs, size } = await stat(path).catch(() => ({ mtimeMs: 0, size: -1 })); // silent-ok: that it is not there is what is kept
  return [path, mtimeMs, size];
}

/** The bundle, when everything that it was made of is as it was. */
async function unchanged(recipe: string): Promise<string | undefined> {
  if (!existsSync(recipe)) return undefined;
  const { bundle, inputs } = JSON.parse(await readFile(recipe, "utf8")) as Recipe;
  if (!existsSync(bundle)) return undefined;
  const now = await Promise.all(inputs.map(([path]) => inputOf(path)));
  return Bun.deepEquals(now, inputs) ? bundle : undefined;
}

async function removeOld(id: string, out: string): Promise<void> {
  const own = (await readdir(out)).filter((name) => name.startsWith(`${id}-`) && /^[0-9a-f]{16}\.js(on)?$/.test(name.slice(id.length + 1)));
  const aged = await Promise.all(own.map(async (name) => inputOf(join(out, name))));
  for (const ending of [".js", ".json"]) {
    const old = aged.filter(([path]) => path.endsWith(ending)).sort(([, a], [, b]) => b - a);
    for (const [path] of old.slice(keptBundles)) await rm(path, { force: true });
  }
}

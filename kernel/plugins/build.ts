/** `pincer plugin build`: a plugin's manifest brought in step with its code, and bundles that load without transpiling or fetching anything. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BuildConfig } from "bun";
import type { Bundle } from "./deps.ts";
import { type IsChecked, readPlugin } from "./discovery.ts";
import { pluginErrors } from "./errors.ts";
import { loadFailure } from "./loader.ts";
import type { Manifest } from "./manifest.ts";
import { recordManifest } from "./record.ts";

export interface BuildOptions {
  /** Change nothing; throw `PLUGIN_MANIFEST_INVALID` when the manifest is not what the code says. */
  readonly check?: boolean;
  /** Also bundle the entry and the SDK into this file. */
  readonly bundle?: string;
}

export async function buildPlugin(
  folder: string,
  { check = false, bundle }: BuildOptions = {},
): Promise<{ readonly manifest: Manifest; readonly isChanged: boolean }> {
  const root = realpathSync(folder);
  const { file, text, next, manifest } = await recordManifest(root);
  const isChanged = text !== next;
  if (isChanged && check)
    throw pluginErrors.PLUGIN_MANIFEST_INVALID(`${file} is not what the code says: run "pincer plugin build ${folder}" and commit it`);
  if (isChanged) await writeFile(file, next);
  if (bundle !== undefined) {
    const [entry] = await bundled(manifest.id, root, { entrypoints: [join(root, manifest.entry)], splitting: false });
    await Bun.write(bundle, entry!);
  }
  return { manifest, isChanged };
}

export interface DefaultSet {
  readonly out: string;
  /** Entry files that are no plugins: the CLI, the store's writer. Each becomes `<name>.js`. */
  readonly entries: readonly string[];
  /** Absolute folders. */
  readonly plugins: readonly string[];
}

const indexFile = "plugins.json";

/** One build in which everything shares its chunks. `readBundle` finds the plugins in it. */
export async function buildDefaultSet({ out, entries, plugins }: DefaultSet): Promise<void> {
  await rm(out, { recursive: true, force: true });
  const wrappers = join(out, "entries");
  await mkdir(wrappers, { recursive: true });
  const index: Record<string, { readonly file: string; readonly manifest: string }> = {};
  const wrapped = plugins.map(async (folder) => {
    const found = readPlugin({ path: join(folder, ".."), layout: "source" }, basename(folder));
    if (!found?.manifest) throw found?.error ?? pluginErrors.PLUGIN_UNKNOWN(`${folder} holds no plugin`);
    const wrapper = join(wrappers, `${found.id}.ts`);
    await writeFile(wrapper, `export { default } from ${JSON.stringify(join(folder, found.manifest.entry))};\n`);
    index[found.id] = { file: `${found.id}.js`, manifest: found.digest };
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
  await writeFile(join(out, indexFile), `${JSON.stringify(index, null, 2)}\n`);
}

/** For `PluginHostDeps.bundle`. */
export function readBundle(out: string): Bundle {
  const file = join(out, indexFile);
  const index = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, { file: string; manifest: string } | undefined>)
    : {};
  const isChecked: IsChecked = (id, digest) => index[id]?.manifest === digest;
  return { isChecked, entryOf: ({ id, digest }) => (isChecked(id, digest) ? join(out, index[id]!.file) : undefined) };
}

async function bundled(what: string, folder: string, config: BuildConfig) {
  try {
    return (await Bun.build({ target: "bun", format: "esm", sourcemap: "none", minify: { whitespace: true, syntax: true }, ...config }))
      .outputs;
  } catch (error) {
    throw loadFailure(what, folder, error);
  }
}

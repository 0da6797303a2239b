/** Where the bundles of processes are kept. A process is started often: only what has changed is bundled again. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemClock as clock } from "../system-clock.ts";
import type { Bundle, Source } from "./bundler.ts";
import { loadFailure } from "./loader.ts";

/** What a bundle was made of. */
interface Recipe {
  readonly bundle: string;
  readonly inputs: readonly Input[];
}
type Input = readonly [path: string, modifiedMs: number, bytes: number];

/** Of one plugin; an earlier version may be run again when the present one ends too often. */
const keptBundles = 8;

/**
 * The bundle of a plugin in the folder `out`, made by `bundle` where there is none of what lies there now; it is named by its content, so that an
 * earlier one stays as it was. The SDK is the one that code in `from` finds. Throws `PLUGIN_LOAD_FAILED`.
 */
export async function keptBundle(
  plugin: Pick<Source, "folder" | "entry" | "digest"> & { readonly id: string },
  out: string,
  from: string,
  bundle: (source: Source) => Promise<Bundle>,
): Promise<string> {
  const { id, folder, entry, digest } = plugin;
  await mkdir(out, { recursive: true, mode: 0o700 });
  const sdk = dirname(Bun.resolveSync("@pincer/plugin-sdk/package.json", from));
  const typebox = dirname(Bun.resolveSync("@sinclair/typebox/package.json", sdk));
  const recipe = join(out, `${id}-${hashOf([folder, entry, digest, sdk, Bun.version].join("\0"))}.json`);
  const known = await unchanged(recipe);
  if (known !== undefined) return known;
  const begun = clock.now();
  const { text, map, files } = await bundle({ folder, entry, digest, sdk, typebox }).catch((error) => {
    throw loadFailure(id, folder, error);
  });
  const path = join(out, `${id}-${hashOf(text)}.js`);
  if (existsSync(path)) await utimes(path, begun / 1_000, begun / 1_000);
  else {
    if (map !== undefined) await writeWhole(`${path}.map`, map);
    await writeWhole(path, text);
  }
  const inputs = await Promise.all([...(files ?? []), join(folder, "package.json")].map(inputOf));
  // What was written while it was read may or may not be in it.
  if (files && inputs.every(([, modifiedMs]) => modifiedMs < begun))
    await writeWhole(recipe, JSON.stringify({ bundle: path, inputs } satisfies Recipe));
  await removeOld(id, out);
  return path;
}

const hashOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);

/** Whoever reads the same one must not find half of it. */
async function writeWhole(path: string, content: string): Promise<void> {
  const whole = `${path}.${crypto.randomUUID()}`;
  await Bun.write(whole, content);
  await rename(whole, path);
}

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
    for (const [path] of old.slice(keptBundles)) for (const file of [path, `${path}.map`]) await rm(file, { force: true });
  }
}

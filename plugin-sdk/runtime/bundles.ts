/**
 * Where the bundles of processes are kept. A process is started often: only what has changed is bundled again. Files are looked at and written at once:
 * under load every wait for one costs the start a turn of a busy event loop.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock as clock } from "../system-clock.ts";
import { type Bundle, bundleRuntime, type Source } from "./bundler.ts";
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
  { id, folder, entry }: Pick<Source, "folder" | "entry"> & { readonly id: string },
  out: string,
  from: string,
  bundle: (source: Source) => Promise<Bundle>,
): Promise<string> {
  mkdirSync(out, { recursive: true, mode: 0o700 });
  const sdk = dirname(Bun.resolveSync("@pincer/plugin-sdk/package.json", from));
  const typebox = dirname(Bun.resolveSync("@sinclair/typebox/package.json", sdk));
  const recipe = join(out, `${id}-${hashOf([folder, entry, sdk, Bun.version].join("\0"))}.json`);
  const known = unchanged(recipe);
  if (known !== undefined) return known;
  const begun = clock.now();
  const { text, map, bytecode, files } = await bundle({ folder, entry, sdk, typebox }).catch((error) => {
    throw loadFailure(id, folder, error);
  });
  const path = join(out, `${id}-${hashOf(text)}.js`);
  if (existsSync(path)) utimesSync(path, begun / 1_000, begun / 1_000);
  else {
    if (map !== undefined) writeWhole(`${path}.map`, map);
    if (bytecode !== undefined) writeWhole(`${path}.jsc`, bytecode);
    writeWhole(path, text);
  }
  const inputs = [...(files ?? []), join(folder, "package.json")].map(inputOf);
  // What was written while it was read may or may not be in it.
  if (files && inputs.every(([, modifiedMs]) => modifiedMs < begun))
    writeWhole(recipe, JSON.stringify({ bundle: path, inputs } satisfies Recipe));
  removeOld(id, out);
  return path;
}

/** What runs plugins in processes, in the folder `out`, of the SDK that code in `from` finds: made once, and again when somebody has emptied the cache. */
export function createRuntime(out: string, from: string): () => Promise<string> {
  const folder = () => dirname(Bun.resolveSync("@pincer/plugin-sdk/package.json", from));
  let made = "";
  let making: Promise<string> | undefined;
  return async () => {
    if (existsSync(made)) return made;
    making ??= keptBundle({ id: "runtime", folder: folder(), entry: "runtime/child.ts" }, out, from, bundleRuntime).finally(() => {
      making = undefined;
    });
    made = await making;
    return made;
  };
}

const hashOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);

/** Whoever reads the same one must not find half of it. */
function writeWhole(path: string, content: string | Uint8Array): void {
  const whole = `${path}.${crypto.randomUUID()}`;
  writeFileSync(whole, content);
  renameSync(whole, path);
}

/** Nothing at all where there is no such file. */
function inputOf(path: string): Input {
  try {
    const { mtimeMs, size } = statSync(path);
    return [path, mtimeMs, size];
  } catch {
    return [path, 0, -1]; // silent-ok: that it is not there is what is kept
  }
}

/** The bundle, when everything that it was made of is as it was. */
function unchanged(recipe: string): string | undefined {
  if (!existsSync(recipe)) return undefined;
  const { bundle, inputs } = JSON.parse(readFileSync(recipe, "utf8")) as Recipe;
  if (!existsSync(bundle)) return undefined;
  return inputs.every((input) => Bun.deepEquals(inputOf(input[0]), input)) ? bundle : undefined;
}

function removeOld(id: string, out: string): void {
  const own = readdirSync(out).filter((name) => name.startsWith(`${id}-`) && /^[0-9a-f]{16}\.js(on)?$/.test(name.slice(id.length + 1)));
  const aged = own.map((name) => inputOf(join(out, name)));
  for (const ending of [".js", ".json"]) {
    const old = aged.filter(([path]) => path.endsWith(ending)).sort(([, a], [, b]) => b - a);
    for (const [path] of old.slice(keptBundles)) for (const file of [path, `${path}.map`, `${path}.jsc`]) rmSync(file, { force: true });
  }
}

/** The bundle of a plugin that nobody trusts, made where its source can neither read nor change anything: with its own folder and the SDK. */
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { failureFrom, type Source } from "@pincer/plugin-sdk/runtime/bundler";
import { loadFailure } from "@pincer/plugin-sdk/runtime/loader";
import type { PluginHostDeps } from "../deps.ts";
import type { Found } from "../discovery.ts";
import type { Finding } from "../sandbox/confinement.ts";
import { runConfined } from "../sandbox/run.ts";
import { unconfined } from "./launch.ts";

/** Enough for the largest packages; one macro needs no more. */
const most = { memoryMb: 1_024, openFiles: 1_024, processes: 4 };
/** Of one plugin, those that may still be gone back to. */
const kept = 4;

/** Answers with its path. Throws `PLUGIN_LOAD_FAILED` with file, line and reason, `PLUGIN_UNTRUSTED`. */
export async function bundleOf(
  found: Found,
  isTrusted: boolean,
  { processBundle, home, clock, limits }: Pick<PluginHostDeps, "processBundle" | "home" | "clock" | "limits">,
  confinement: () => Promise<Finding>,
): Promise<string> {
  if (isTrusted) return processBundle(found);
  const { id, folder, manifest, digest } = found;
  const confining = await confinement();
  if ("missing" in confining) throw unconfined(id, confining);
  const bundler = Bun.resolveSync("@pincer/plugin-sdk/runtime/bundler", import.meta.dir);
  const sdk = dirname(dirname(bundler));
  const typebox = dirname(Bun.resolveSync("@sinclair/typebox/package.json", sdk));
  const source: Source = { folder, entry: manifest!.entry, digest, sdk, typebox };
  const program = `import { sayBundle } from ${JSON.stringify(bundler)};\nawait sayBundle(${JSON.stringify(source)});\n`;
  const what = { plugin: id, read: [folder, sdk, typebox], net: [], limits: most, clock, ms: limits().setupMs };
  const { said, complaint, code } = await runConfined(confining.confine, program, what);
  if (code !== 0) throw loadFailure(id, folder, failureFrom(complaint));
  const out = join(home, "cache", "processes");
  await mkdir(out, { recursive: true, mode: 0o700 });
  const path = join(out, `${id}-${new Bun.CryptoHasher("sha256").update(said).digest("hex").slice(0, 16)}.js`);
  // Whoever runs the same one must not find half of it.
  const whole = `${path}.${crypto.randomUUID()}`;
  await writeFile(whole, said);
  await rename(whole, path);
  // A source can make another bundle of itself each time: the oldest go.
  const mine = (await readdir(out)).filter((name) => name.startsWith(`${id}-`) && name.length === basename(path).length);
  const made = await Promise.all(mine.map(async (name) => ({ name, at: (await stat(join(out, name))).mtimeMs })));
  for (const { name } of made.sort((a, b) => b.at - a.at).slice(kept)) await rm(join(out, name), { force: true });
  return path;
}

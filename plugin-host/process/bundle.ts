/** The bundle of a plugin that nobody trusts, made where its source can neither read nor change anything: with its own folder and the SDK. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { failureFrom, type Source } from "@pincer/plugin-sdk/runtime/bundler";
import { loadFailure } from "@pincer/plugin-sdk/runtime/loader";
import type { PluginHostDeps } from "../deps.ts";
import type { Found } from "../discovery.ts";
import type { Finding } from "../sandbox/confinement.ts";
import { runConfined } from "../sandbox/run.ts";
import { unconfined } from "./launch.ts";

/** Enough for the largest packages; one macro needs no more. */
const most = { memoryMb: 1_024, openFiles: 1_024, processes: 4 };

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
  const { said, complaint, code, ended } = await runConfined(
    confining.confine,
    { plugin: id, read: [folder, sdk, typebox], net: [], limits: most },
    {
      ...{ clock, ms: limits().setupMs },
      async write(scratch) {
        const entry = join(scratch, "bundle.ts");
        await writeFile(entry, program);
        return entry;
      },
    },
  );
  if (code !== 0)
    throw loadFailure(id, folder, ended === undefined ? failureFrom(complaint) : new Error(`to bundle it was ended: ${ended}`));
  const out = join(home, "cache", "processes");
  await mkdir(out, { recursive: true, mode: 0o700 });
  const path = join(out, `${id}-${new Bun.CryptoHasher("sha256").update(said).digest("hex").slice(0, 16)}.js`);
  // Whoever runs the same one must not find half of it.
  const whole = `${path}.${crypto.randomUUID()}`;
  await writeFile(whole, said);
  await rename(whole, path);
  return path;
}

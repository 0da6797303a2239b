/** The bundle of a plugin. Of one that nobody trusts it is made where its source can neither read nor change anything: with its own folder and the SDK. */
import { join } from "node:path";
import { bundleFrom, bundleSource, failureFrom } from "@pincer/plugin-sdk/runtime/bundler";
import { keptBundle } from "@pincer/plugin-sdk/runtime/bundles";
import type { PluginHostDeps } from "../deps.ts";
import type { Found } from "../discovery.ts";
import type { FoundConfinement } from "../sandbox/confinement.ts";
import { runConfined } from "../sandbox/run.ts";
import { unconfined } from "./launch.ts";

/** Enough for the largest packages; one macro needs no more. */
const most = { memoryMb: 1_024, openFiles: 1_024, processes: 4 };

/** Answers with its path. Throws `PLUGIN_LOAD_FAILED` with file, line and reason, `PLUGIN_UNTRUSTED`. */
export async function bundleOf(
  found: Found,
  isTrusted: boolean,
  { home, clock, limits }: Pick<PluginHostDeps, "home" | "clock" | "limits">,
  confinement: () => Promise<FoundConfinement>,
): Promise<string> {
  const plugin = { id: found.id, folder: found.folder, entry: found.manifest!.entry };
  if (isTrusted) return keptBundle(plugin, join(home, "cache", "processes"), import.meta.dir, bundleSource);
  const { id, folder } = plugin;
  const confining = await confinement();
  if ("missing" in confining) throw unconfined(id, confining);
  const out = join(home, "cache", "confined");
  return keptBundle(plugin, out, import.meta.dir, async (source) => {
    const bundler = JSON.stringify(Bun.resolveSync("@pincer/plugin-sdk/runtime/bundler", source.sdk));
    const program = `import { sayBundle } from ${bundler};\nawait sayBundle(${JSON.stringify(source)});\n`;
    const { sdk, typebox } = source;
    const what = { plugin: id, read: [folder, sdk, typebox], net: [], limits: most, clock, ms: limits().setupMs };
    const { said, complaint, code } = await runConfined(confining.confine, program, what);
    if (code !== 0) throw failureFrom(complaint);
    return bundleFrom(said, source);
  });
}

/** A new generation, from its files to the point where only the swap is left to do. */

import type { Capabilities } from "./capabilities.ts";
import { type ContextDeps, runSetup } from "./context.ts";
import { within } from "./deadline.ts";
import type { PluginHostDeps } from "./deps.ts";
import type { Found } from "./discovery.ts";
import { pluginErrors } from "./errors.ts";
import { type Code, Generation } from "./generation.ts";
import { installDependencies, needsDependencies } from "./install.ts";
import type { PluginLimits } from "./limits.ts";
import { importPlugin } from "./loader.ts";
import { configPathOf, type Manifest } from "./manifest.ts";
import { compareGenerated } from "./registrations.ts";
import { createValues } from "./values.ts";

export interface PreparationDeps extends Omit<PluginHostDeps, "limits"> {
  readonly capabilities: Capabilities;
  readonly run: ContextDeps["run"];
  limits(): PluginLimits;
}

/** What fails is undone before it is thrown. `earlier` runs the code of an earlier generation again. */
export function createPreparation(deps: PreparationDeps): (found: Found, number: number, earlier?: Code) => Promise<Generation> {
  const { clock, settings, capabilities, limits } = deps;

  /** Plugins that came from elsewhere are to run in a process of their own; in this one only when the operator says so in so many words. */
  const requireTrust = ({ id, root }: Found): void => {
    if (root.layout === "source" || settings.section<boolean | undefined>(`plugins.${id}.unsandboxed`)()) return;
    const what = `${id} would run with every right of the gateway: set plugins.${id}.unsandboxed to true if you trust it that far`;
    throw pluginErrors.PLUGIN_UNTRUSTED(what, { data: { plugin: id } });
  };

  const requireUses = ({ id, generated }: Manifest): void => {
    for (const [contract, { version, arity, optional }] of Object.entries(generated?.uses ?? {})) {
      if (optional || arity === "many" || capabilities.isProvided(contract, version)) continue;
      const what = `${id} uses ${contract} version ${version}, which no enabled plugin provides`;
      throw pluginErrors.PLUGIN_DEPENDENCY_MISSING(what, { data: { contract } });
    }
  };

  const load = async (found: Found, manifest: Manifest) => {
    const { id, folder } = found;
    const bundle = deps.bundle?.entryOf(found);
    const told = (line: string) => deps.log("plugins").info("plugin.installing", { plugin: id, line });
    if (!bundle && needsDependencies(folder)) await installDependencies(folder, told);
    return importPlugin(folder, bundle ?? manifest.entry, deps.dev === true);
  };

  return async (found, number, earlier) => {
    const { id, folder, manifest } = found;
    if (!manifest?.generated) throw found.error ?? pluginErrors.PLUGIN_MANIFEST_INVALID(`${folder} has no manifest`);
    requireTrust(found);
    requireUses(manifest);
    const definition = earlier?.definition ?? (await load(found, manifest));
    const log = deps.log(id);
    const generation = new Generation(id, number, { manifest, folder, definition }, clock, limits, log);
    try {
      const setup = runSetup(generation, {
        ...deps,
        log,
        config: settings.section(configPathOf(manifest)),
        store: createValues(deps.store, id),
      });
      await within(clock, limits().setupMs, setup, `setup of ${id}`);
      compareGenerated(id, manifest.generated, generation.registered.describe(definition));
      return generation;
    } catch (error) {
      await generation.unload();
      throw error;
    }
  };
}

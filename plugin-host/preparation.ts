/** A new generation, from its files to the point where only the swap is left to do. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { configPathOf } from "@pincer/plugin-sdk/manifest";
import { mayRead } from "@pincer/plugin-sdk/permissions";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { setUp } from "@pincer/plugin-sdk/runtime/context";
import { within } from "@pincer/plugin-sdk/runtime/deadline";
import { limitedFetch } from "@pincer/plugin-sdk/runtime/fetch";
import { importPlugin } from "@pincer/plugin-sdk/runtime/loader";
import { compareGenerated } from "@pincer/plugin-sdk/runtime/registrations";
import type { Capabilities } from "./capabilities.ts";
import type { PluginHostDeps } from "./deps.ts";
import type { Found } from "./discovery.ts";
import { type Code, Generation } from "./generation.ts";

/** What fails is undone before it is thrown. `earlier` runs the code of an earlier generation again. */
export function createPreparation(
  deps: PluginHostDeps,
  capabilities: Capabilities,
  run: PluginContext["run"],
): (found: Found, number: number, earlier?: Code) => Promise<Generation> {
  const { clock, settings, limits } = deps;

  /** Plugins that came from elsewhere are to run in a process of their own; in this one only when the operator says so in so many words. */
  const requireTrust = ({ id, root }: Found): void => {
    if (root.layout === "source" || settings.section<boolean | undefined>(`plugins.${id}.unsandboxed`)()) return;
    const what = `${id} would run with every right of the gateway: set plugins.${id}.unsandboxed to true if you trust it that far`;
    throw pluginErrors.PLUGIN_UNTRUSTED(what, { data: { plugin: id } });
  };

  const requireUses = ({ id, generated }: Manifest): void => {
    for (const [contract, { version, arity, optional }] of Object.entries(generated?.uses ?? {})) {
      if (optional || arity === "many" || capabilities.isProvided({ id: contract, version })) continue;
      const what = `${id} uses ${contract} version ${version}, which no enabled plugin provides`;
      throw pluginErrors.PLUGIN_DEPENDENCY_MISSING(what, { data: { contract } });
    }
  };

  const load = async (found: Found, manifest: Manifest) => {
    const bundle = deps.bundle?.entryOf(found);
    if (!bundle) await deps.install(found.folder, (line) => deps.log("plugins").info("plugin.installing", { plugin: found.id, line }));
    return importPlugin(found.folder, bundle ?? manifest.entry, deps.dev === true);
  };

  /** What the gateway is to the code of an inline generation. */
  const surround = ({ instance, code: { manifest } }: Generation) => {
    const { id, permissions = {} } = manifest;
    const { scopes = [] } = permissions;
    const config = settings.section(configPathOf(manifest));
    const user = { id, scopes, assertLive: () => instance.assertLive() };
    return {
      home: deps.home,
      clock,
      log: deps.log(id),
      store: deps.values(id),
      config,
      handle: (contract: Parameters<Capabilities["handle"]>[0]) => capabilities.handle(contract, user),
      isProvided: capabilities.isProvided,
      emit: deps.emit,
      call: (method: string, params: unknown, signal: AbortSignal) => deps.dispatch(method, params, { plugin: id, scopes, signal }),
      run,
      secret: async (name: string) => {
        if (mayRead(permissions, name, config())) return deps.secret(name, id);
        throw pluginErrors.PLUGIN_PERMISSION(
          `${id} may not read the secret "${name}": permissions.secrets of its manifest does not name it`,
        );
      },
      fetch: limitedFetch(id, permissions, config, (name) => deps.secret(name, id)),
    };
  };

  return async (found, number, earlier) => {
    const { id, folder, manifest } = found;
    if (!manifest?.generated) throw found.error ?? pluginErrors.PLUGIN_MANIFEST_INVALID(`${folder} has no manifest`);
    requireTrust(found);
    requireUses(manifest);
    const definition = earlier?.definition ?? (await load(found, manifest));
    const generation = new Generation(id, number, { manifest, definition }, clock, limits, deps.log(id));
    const { instance } = generation;
    try {
      await within(clock, limits().setupMs, setUp(definition, manifest, instance, surround(generation)), `setup of ${id}`);
      compareGenerated(id, manifest.generated, instance.registered.describe(definition));
      return generation;
    } catch (error) {
      await instance.unload();
      throw error;
    }
  };
}

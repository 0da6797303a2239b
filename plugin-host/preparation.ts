/** A new generation, from its files to the point where only the swap is left to do. */
import { join } from "node:path";
import type { KeyValueStore, PluginContext } from "@pincer/plugin-sdk";
import { packageArchives } from "@pincer/plugin-sdk/contracts/package-archives";
import type { EmitOptions, GatewayEvent } from "@pincer/plugin-sdk/event";
import { valueAt } from "@pincer/plugin-sdk/json5";
import { configPathOf, type Manifest } from "@pincer/plugin-sdk/manifest";
import { configuredIn, mayRead } from "@pincer/plugin-sdk/permissions";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { revocationOf } from "@pincer/plugin-sdk/revoked";
import { createRuntime } from "@pincer/plugin-sdk/runtime/bundles";
import { setUp } from "@pincer/plugin-sdk/runtime/context";
import { within } from "@pincer/plugin-sdk/runtime/deadline";
import { limitedFetch, publicFetch } from "@pincer/plugin-sdk/runtime/fetch";
import { Instance } from "@pincer/plugin-sdk/runtime/instance";
import { limitedValues } from "@pincer/plugin-sdk/runtime/limited-values";
import { importPlugin } from "@pincer/plugin-sdk/runtime/loader";
import { compareGenerated } from "@pincer/plugin-sdk/runtime/registrations";
import type { Activity } from "./activity.ts";
import type { Capabilities } from "./capabilities.ts";
import type { PluginHostDeps } from "./deps.ts";
import { dataOf, type Found } from "./discovery.ts";
import { type Code, Generation } from "./generation.ts";
import { requirePower, requireSay } from "./process/powers.ts";
import { type isolationOf, refusalOf } from "./settings.ts";

/** What fails is undone before it is thrown. `earlier` runs the code of an earlier generation again. */
export function createPreparation(
  deps: PluginHostDeps,
  capabilities: Capabilities,
  run: PluginContext["run"],
  isolated: (found: Found) => ReturnType<typeof isolationOf>,
): (found: Found, number: number, activity: Activity, earlier?: Code) => Promise<Generation> {
  const { clock, settings, limits, confinement = async () => (await import("./sandbox/find.ts")).findConfinement() } = deps;
  const archives = capabilities.rely(packageArchives);

  const requireUses = ({ id, generated }: Manifest): void => {
    for (const [contract, { version, arity, optional }] of Object.entries(generated?.uses ?? {})) {
      if (optional || arity === "many" || capabilities.isProvided({ id: contract, version })) continue;
      const what = `${id} uses ${contract} version ${version}, which no enabled plugin provides`;
      throw pluginErrors.PLUGIN_DEPENDENCY_MISSING(what, { data: { contract } });
    }
  };

  const told = (plugin: string) => (line: string) => deps.log("plugins").info("plugin.installing", { plugin, line });
  const install = ({ id, folder }: Found) =>
    deps.install(folder, told(id), capabilities.isProvided(packageArchives) ? archives : undefined);

  const runtime = createRuntime(join(deps.home, "cache", "runtime"), import.meta.dir);
  const parts = () => Promise.all([import("./process/bundle.ts"), import("./process/launch.ts"), import("./process/process-instance.ts")]);
  const limited = new Map<string, KeyValueStore>();
  const valuesOf = (id: string): KeyValueStore =>
    limited.getOrInsertComputed(id, () => limitedValues(id, deps.values(id), () => limits().valuesMb));

  /** What the gateway is to a generation, wherever its code runs. */
  const surround = (generation: Generation, isTrusted: boolean) => {
    const { id, permissions = {} } = generation.code.manifest;
    const { scopes = [] } = permissions;
    const path = configPathOf(generation.code.manifest);
    const config = settings.section(path);
    // A default is the author's word: of what he may do himself, the operator's alone counts.
    const permitting = isTrusted ? config : () => valueAt(settings.current().said, path.split("."));
    return {
      user: { id, scopes, assertLive: () => generation.instance.assertLive() },
      clock,
      log: deps.log(id),
      store: isTrusted ? deps.values(id) : valuesOf(id),
      ...{ config, permitting },
      emit: deps.emit,
      call: (method: string, params: unknown, signal: AbortSignal) => deps.dispatch(method, params, { plugin: id, scopes, signal }),
      run,
      secret: async (name: string) => {
        const unnamed = `${id} may not read the secret "${name}": permissions.secrets of its manifest does not name it`;
        if (!mayRead(permissions, name, permitting())) throw pluginErrors.PLUGIN_PERMISSION(unnamed);
        const value = await deps.secret(name, id);
        // What setup was given may be held for good; what is asked for later is asked for again, and matters once it comes or goes.
        generation.secrets.set(name, generation.isOutdated ? value !== undefined : value);
        return value;
      },
    };
  };

  const inline = async (found: Found, generation: Generation, known: Code["definition"]): Promise<undefined> => {
    const { id, manifest } = { id: found.id, manifest: generation.code.manifest };
    const bundle = found.isAnew ? undefined : deps.bundle?.entryOf(found);
    const folder = known || bundle ? found.folder : await install(found);
    const definition = known ?? (await importPlugin(folder, bundle ?? manifest.entry, found.isAnew === true));
    generation.code = { manifest, definition };
    const instance = new Instance({ name: generation.name, clock, limits, fault: (error, what) => void generation.blame(error, what) });
    generation.instance = instance;
    const { user, ...around } = surround(generation, true);
    await setUp(definition, manifest, instance, {
      ...around,
      home: deps.home,
      dataDir: dataOf(deps.home, id),
      handle: (contract) => capabilities.handle(contract, user),
      isProvided: capabilities.isProvided,
      fetch: limitedFetch(id, manifest.permissions ?? {}, around.config, (name) => deps.secret(name, id), publicFetch),
    });
    compareGenerated(id, manifest.generated ?? {}, instance.registered.describe(definition));
  };

  const outside = async (found: Found, generation: Generation, known: string | undefined, isTrusted: boolean) => {
    const { manifest } = generation.code;
    if (!isTrusted) requireSay(manifest);
    // A gateway may never start one: no start of it pays for this.
    const [{ bundleOf }, { launch }, { ProcessInstance }] = await parts();
    const folder = known ? found.folder : await install(found);
    const bundle = Promise.resolve(known ?? bundleOf({ ...found, folder }, isTrusted, deps, confinement));
    bundle.catch(() => undefined); // silent-ok: the start waits for it, unless that has failed before
    const { user, ...around } = surround(generation, isTrusted);
    let data = dataOf(deps.home, found.id);
    const instance = new ProcessInstance({
      ...{ manifest, bundle, name: generation.name, clock, limits, log: around.log },
      around: {
        ...{ ...around, isTrusted },
        emit: (event: GatewayEvent, payload: unknown, options: EmitOptions) => deps.emit(event, payload as never, options),
        use: async (contract, version, name, signal) => {
          if (!isTrusted) requirePower(user.id, user.scopes, contract);
          return capabilities.use(contract, version, name, user, signal);
        },
        fault: (what, message) => void generation.blame(new Error(message), what),
      },
      launch: async (run) => {
        const launched = await launch(run, {
          ...{ home: deps.home, clock, log: around.log, runtime: await runtime(), manifest },
          ...{ isTrusted, confinement, config: around.permitting },
          ...{ dataMb: limits().dataMb, gatewayPort: settings.section<number | undefined>("gateway.port")() },
          secret: (name) => deps.secret(name, found.id),
        });
        data = launched.data;
        return launched;
      },
      facts: () => ({ home: data, dataDir: data, config: around.config(), provisions: capabilities.provisionsFor(manifest, user) }),
    });
    generation.instance = instance;
    const words = () =>
      configuredIn(manifest.permissions ?? {}, around.permitting(), (name) => deps.secret(name, found.id).catch(() => undefined)); // silent-ok: a launch tells
    const resolved = await words();
    await instance.start();
    generation.code = { manifest, bundle: await bundle };
    return async () => instance.process.enforced && !Bun.deepEquals(await words(), resolved);
  };

  const hasOtherSecrets = async ({ plugin, secrets }: Generation): Promise<boolean> => {
    for (const [name, was] of secrets) {
      const is = await deps.secret(name, plugin);
      if ((typeof was === "boolean" ? is !== undefined : is) !== was) return true;
    }
    return false;
  };

  return async (found, number, activity, earlier) => {
    const [{ id, folder }, manifest] = [found, found.whole()];
    if (!manifest?.generated) throw found.error ?? pluginErrors.PLUGIN_MANIFEST_INVALID(`${folder} has no manifest`);
    const how = isolated(found);
    const refusal = revocationOf(folder) ?? refusalOf(id, how);
    if (refusal) throw refusal;
    requireUses(manifest);
    if (number === 1) limited.delete(id); // what it kept may have gone with one that had its name
    const generation = new Generation(id, folder, number, { manifest }, clock, limits, deps.log(id), activity);
    try {
      const prepared: Promise<undefined | (() => Promise<boolean>)> =
        how.isolation === "inline"
          ? inline(found, generation, earlier?.definition)
          : outside(found, generation, earlier?.bundle, how.isTrusted);
      const isResolvedAnew = await within(clock, limits().setupMs, prepared, `setup of ${id}`);
      generation.isOutdated = async () => (await isResolvedAnew?.()) || hasOtherSecrets(generation);
      return generation;
    } catch (error) {
      await generation.instance?.unload();
      throw error;
    }
  };
}

/** The wire's own methods about installing, over the same plans as ours. */
import type { HandleOf } from "@pincer/plugin-sdk/contract";
import type { plugins } from "@pincer/plugin-sdk/contracts/plugin-host";
import type { ParamsOf, ResultOf } from "@pincer/plugin-sdk/method";
import { isName, isVersion } from "@pincer/registry/name";
import type { Engine } from "./engine/engine.ts";
import type { Plan } from "./engine/plan/plan.ts";
import type { Hit } from "./engine/search.ts";
import { clientErrors } from "./errors.ts";
import type { pluginsInstall, pluginsSearch, pluginsUninstall } from "./wire-methods.ts";

const noRestart = "it is so already: nothing has to be started again";

function typedOf(params: ParamsOf<typeof pluginsInstall>, engine: Engine): string {
  if (params.source === "official") {
    if (engine.isOwn(params.pluginId)) return params.pluginId;
    throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`this Pincer has no plugin ${JSON.stringify(params.pluginId.slice(0, 100))}`);
  }
  const { packageName, version } = params;
  if (!isName(packageName))
    throw clientErrors.REGISTRY_CLIENT_WANTED_INVALID(`expected the name of a package, came ${JSON.stringify(packageName.slice(0, 100))}`);
  if (version !== undefined && !isVersion(version))
    throw clientErrors.REGISTRY_CLIENT_WANTED_INVALID(`expected a version such as 1.2.0, came ${JSON.stringify(version.slice(0, 100))}`);
  return version === undefined ? packageName : `${packageName}@${version}`;
}

/** Throws `REGISTRY_CLIENT_CONSENT_NEEDED`, with the token to come back with, until what there is to know was acknowledged. */
export async function install(
  params: ParamsOf<typeof pluginsInstall>,
  engine: Engine,
  list: HandleOf<typeof plugins>["list"],
  signal: AbortSignal,
): Promise<ResultOf<typeof pluginsInstall>> {
  const request = { do: "install" as const, kind: "plugins" as const, packages: [typedOf(params, engine)] };
  const plan = await engine.plan(request, signal);
  const [item] = plan.items as [Plan["items"][number]];
  const warned = item.notices.filter(({ level }) => level === "yes").map(({ code }) => code);
  const given = params.acknowledgeCapabilities?.reviewToken;
  const asks = item.source !== "this Pincer" && item.action !== "keep";
  if (asks && (given === undefined || (warned.length > 0 && !params.acknowledgeInstallPolicyWarning))) {
    const why = [...item.permissions.map(({ text }) => text), ...item.notices.map(({ text }) => text)].join(" ");
    throw clientErrors.REGISTRY_CLIENT_CONSENT_NEEDED(`${item.id} ${item.to} needs a yes. ${why}`.trim(), {
      data: { capabilityConsentCode: "PLUGIN_CAPABILITY_CONSENT_REQUIRED", pluginId: item.id, reviewToken: plan.token, plan: item },
    });
  }
  await engine.apply(request, { token: given ?? plan.token, accepted: item.needs }, signal);
  const { manifest, state, error, origin } = (await list({ id: item.id }, { signal })).plugins[0]!;
  return {
    ok: true,
    plugin: {
      ...{ id: item.id, name: item.id, origin, installed: true, enabled: state !== "disabled", removable: origin === "installed" },
      ...(manifest && { description: manifest.summary, version: manifest.version }),
      state: error ? "error" : state === "disabled" ? "disabled" : "enabled",
      ...(error && { error: error.message }),
    },
    restartRequired: true,
    warnings: [noRestart, ...item.notices.filter(({ level }) => level !== "note").map(({ text }) => text)],
  };
}

export async function uninstall(
  { pluginId }: ParamsOf<typeof pluginsUninstall>,
  engine: Engine,
  signal: AbortSignal,
): Promise<ResultOf<typeof pluginsUninstall>> {
  if (engine.isOwn(pluginId))
    throw clientErrors.REGISTRY_CLIENT_NAME_RESERVED(`${pluginId} is a plugin of this Pincer: it is turned off, and not removed`);
  const request = { do: "remove" as const, packages: [pluginId] };
  const { token, items } = await engine.plan(request, signal);
  await engine.apply(request, { token, accepted: [] }, signal);
  const warnings = [noRestart, ...items.flatMap(({ notices }) => notices.map(({ text }) => text))];
  return { ok: true, pluginId, restartRequired: true, removed: ["files", "settings", "lock entry"], warnings };
}

export const found = (hits: readonly Hit[]): ResultOf<typeof pluginsSearch> => ({
  results: hits
    .filter(({ kind }) => kind === "plugins")
    .map(({ id, version, summary, registry, score }) => ({
      score,
      package: {
        ...{ name: id, displayName: id, family: "code-plugin", channel: registry === null ? "official" : "community" },
        ...{ isOfficial: registry === null, summary, latestVersion: version, runtimeId: id },
      },
    })),
});

/** The engine inside a gateway that runs: what it installs is tried beside what runs, and no call is dropped. */
import { dirname } from "node:path";
import { packageArchives } from "@pincer/plugin-sdk/contracts/package-archives";
import { skillPackages } from "@pincer/plugin-sdk/contracts/skill-packages";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { createAnswers } from "./answers.ts";
import { createEngine, type Engine } from "./engine/engine.ts";

import { settingsOfGateway } from "./engine/home/settings.ts";
import { createScanned } from "./engine/package/scanned.ts";
import type { Request } from "./engine/plan/plan.ts";
import { usualHits } from "./engine/search.ts";
import type { Running, Surroundings } from "./engine/surroundings.ts";
import { clientErrors, told } from "./errors.ts";
import { listed } from "./installed.ts";
import * as methods from "./methods.ts";
import { placesOf, sitesOf } from "./package-sources.ts";
import { createSkillPackages } from "./skill-packages.ts";
import { type SkillPlaces, searchSkills, skillDetail } from "./skills.ts";
import { skillsDetail, skillsSearch } from "./skills-methods.ts";
import type { RegistrySources } from "./sources/registry.ts";
import { upkeep } from "./upkeep.ts";
import { uploadBegin, uploadChunk, uploadCommit } from "./upload-methods.ts";
import { uploadsIn } from "./uploads.ts";
import type { Context } from "./uses.ts";
import { found, install, uninstall } from "./wire.ts";
import { pluginsInstall, pluginsSearch, pluginsUninstall } from "./wire-methods.ts";

/** How long what was fetched for a plan waits for a yes. */
const patienceMs = 10 * 60_000;
const mostWaiting = 4;

export function serve(ctx: Context): void {
  /** By the token of the plan that each has made. */
  const waiting = new Map<string, { readonly engine: Engine; readonly since: number }>();

  const running: Running = {
    refresh: async (signal) => void (await ctx.uses.pluginHost.refresh({}, { signal })),
    reload: async (id, signal) => void (await ctx.uses.pluginHost.reload({ id }, { signal })),
    setEnabled: async (id, enabled, signal) => void (await ctx.uses.pluginHost.setEnabled({ id, enabled }, { signal })),
    enabled: async (signal) =>
      (await ctx.uses.plugins.list({}, { signal })).plugins.flatMap(({ id, state }) => (state === "disabled" ? [] : id)),
    trouble: async (id, signal) => (await ctx.uses.plugins.list({ id }, { signal })).plugins[0]?.error?.message,
  };

  const places = () => placesOf({ home: ctx.home, config: ctx.config, clock: ctx.clock, fetch: ctx.fetch });
  const [catalogues, ofSkills] = [createAnswers(ctx.clock), createAnswers(ctx.clock)];
  const questionOf = (...words: readonly unknown[]) => JSON.stringify([...words, ctx.config.registries, ctx.config.clawhub]);
  const catalogue: RegistrySources["catalogue"] = (signal) =>
    catalogues.of(questionOf("catalogue"), (given) => places().sources.registries.catalogue(given), signal);

  const plugins = async (signal: AbortSignal): Promise<string> => {
    const own = (await ctx.uses.plugins.list({ id: ctx.id }, { signal })).plugins[0];
    if (!own) throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`${ctx.id} is not among the plugins of this gateway`);
    return dirname(own.folder);
  };

  /** Sees what registries say from now on; what there is to choose from, as it was a moment ago. */
  const open = async (signal: AbortSignal, firstSeen?: Surroundings["firstSeen"]): Promise<Engine> => {
    const { sources, dependencies } = places();
    const onFault = (error: unknown) => ctx.log.warn("registry-client.unscanned", { error: errorMessage(error) });
    return createEngine({
      ...{ home: ctx.home, embedded: await plugins(signal), config: ctx.config, running },
      scanned: createScanned({ seconds: ctx.config.scanSeconds, clock: ctx.clock, onFault }),
      settings: settingsOfGateway(ctx.uses.configuration),
      ...{ sources: { ...sources, registries: { ...sources.registries, catalogue } }, dependencies },
      ...{ clock: ctx.clock, now: () => ctx.clock.now() },
      ...(firstSeen && { firstSeen }),
      progress: (progress) => ctx.emit(methods.progressed, progress),
    });
  };

  const skillPlaces = (): SkillPlaces => {
    return {
      sites: sitesOf({ home: ctx.home, config: ctx.config, clock: ctx.clock, fetch: ctx.fetch }),
      registries: places().sources.registries,
      search: async (query, limit, signal) => (await (await open(signal)).search(query, limit, signal)).hits,
      onTrouble: (place, error) => ctx.log.warn("registry-client.unreachable", { place, error: errorMessage(error) }),
    };
  };

  const remember = (token: string, engine: Engine): void => {
    waiting.delete(token);
    waiting.set(token, { engine, since: ctx.clock.monotonic() });
    for (const [oldest] of waiting) if (waiting.size > mostWaiting) waiting.delete(oldest);
  };
  const recall = (token: string): Engine | undefined => {
    const found = waiting.get(token);
    waiting.delete(token);
    return found && ctx.clock.monotonic() - found.since < patienceMs ? found.engine : undefined;
  };

  upkeep(ctx, { plugins, refresh: running.refresh, open });
  ctx.event(methods.progressed);
  ctx.method(methods.plan, ({ request }, { signal }) =>
    told(async () => {
      const engine = await open(signal);
      const plan = await engine.plan(request, signal);
      remember(plan.token, engine);
      return plan;
    }),
  );
  ctx.method(methods.apply, ({ request, token, accepted }, { signal }) =>
    told(async () => {
      const engine = recall(token) ?? (await open(signal));
      const { done } = await engine.apply(request as Request, { token, accepted }, signal);
      return { done };
    }),
  );
  ctx.method(methods.list, (_params, { signal }) => told(async () => ({ packages: listed(ctx.home, await open(signal)) })));
  ctx.method(methods.info, ({ package: typed, kind }, { signal }) => told(async () => (await open(signal)).info(typed, kind, signal)));
  ctx.method(methods.why, ({ package: typed }, { signal }) => told(async () => (await open(signal)).why(typed, signal)));
  ctx.method(methods.search, ({ query, limit = usualHits }, { signal }) =>
    told(async () => (await open(signal)).search(query, limit, signal)),
  );
  ctx.method(pluginsInstall, (params, { signal }) => told(async () => install(params, await open(signal), ctx.uses.plugins.list, signal)));
  ctx.method(pluginsUninstall, (params, { signal }) => told(async () => uninstall(params, await open(signal), signal)));
  ctx.method(pluginsSearch, ({ query, limit = usualHits }, { signal }) =>
    told(async () => found((await (await open(signal)).search(query, limit, signal)).hits)),
  );
  ctx.method(skillsSearch, ({ query, limit = usualHits }, { signal }) =>
    told(async () => {
      const ask = (given: AbortSignal) => searchSkills(skillPlaces(), query, limit, given);
      return { results: [...(await ofSkills.of(questionOf("search", query, limit), ask, signal))] };
    }),
  );
  ctx.method(skillsDetail, ({ slug }, { signal }) =>
    told(() => ofSkills.of(questionOf("detail", slug), (given) => skillDetail(skillPlaces(), slug, given), signal)),
  );
  ctx.provide(
    packageArchives,
    "registry-client",
    {},
    {
      async archive({ name, version, algorithm, hex }, { signal }) {
        const { archives } = places().dependencies;
        return {
          bytes: await told(() => archives({ name, version, checksum: { algorithm, hex } }, signal)),
        };
      },
    },
  );
  const uploads = uploadsIn(ctx.home, ctx.clock);
  uploads.sweep();
  ctx.method(uploadBegin, (params) => uploads.begin(params));
  ctx.method(uploadChunk, (params) => uploads.chunk(params));
  ctx.method(uploadCommit, (params) => uploads.commit(params));
  ctx.provide(skillPackages, "registry-client", {}, createSkillPackages({ home: ctx.home, open, uploads }));
  ctx.method(methods.pin, ({ package: typed, pinned }, { signal }) =>
    told(async () => {
      const { id, version } = await (await open(signal)).pin(typed, pinned, signal);
      return { id, version, pinned };
    }),
  );
}

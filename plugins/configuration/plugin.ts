import { definePlugin } from "@pincer/plugin-sdk";
import { type ConfigIssue, configErrors, configuration } from "@pincer/plugin-sdk/contracts/configuration";
import { isObject, type Json, jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import type { Shape } from "@pincer/plugin-sdk/shape";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import * as methods from "./methods.ts";
import { hintsOf, lookUp } from "./outline.ts";
import { changedPaths, mergePatch } from "./patch.ts";

export default definePlugin({
  uses: { configuration },

  setup(ctx) {
    const { configuration } = ctx.uses;
    type State = Awaited<ReturnType<typeof configuration.read>>;

    ctx.method(methods.configGet, async (_params, io) => {
      const { path, exists, raw, written, value, issues, hash, appliedHash } = await configuration.read({}, io);
      const [errors, warnings] = [ofLevel("error", issues), ofLevel("warning", issues)];
      return {
        path,
        exists,
        // Comments may hold anything, an old secret too; they are for who may edit them.
        raw: raw === null || allows(io.scopes, "operator.admin") ? raw : JSON.stringify(written, null, 2),
        parsed: written,
        config: value,
        valid: errors.length === 0,
        issues: errors,
        warnings,
        hash,
        configRevisionHash: hash,
        appliedConfigHash: appliedHash,
      };
    });

    const answer = ({ path, hash, value }: State) => ({ ok: true as const, path, hash, config: value });

    /** Throws `CONFIG_STALE` when the caller has not seen the present text. */
    async function present(baseHash: string | undefined, io: { readonly signal: AbortSignal }): Promise<State> {
      const now = await configuration.read({}, io);
      if (baseHash === undefined && now.exists) throw configErrors.CONFIG_STALE("config base hash required; re-run config.get and retry");
      if (baseHash !== undefined && baseHash !== now.hash) throw configErrors.CONFIG_STALE();
      return now;
    }

    ctx.method(methods.configSet, async ({ raw, baseHash }, io) => {
      return answer(await configuration.replace({ raw, ...(baseHash !== undefined && { baseHash }) }, io));
    });

    ctx.method(methods.configApply, async ({ raw, baseHash }, io) => {
      const { hash, written } = await present(baseHash, io);
      const changed = changedPaths(written as Json, jsonOf(parseJson5(raw)));
      return { ...answer(await configuration.replace({ raw, baseHash: hash }, io)), changedPaths: changed, sentinel: null };
    });

    ctx.method(methods.configPatch, async ({ raw, baseHash, replacePaths }, io) => {
      const { hash, written } = await present(baseHash, io);
      const patch = jsonOf(parseJson5(raw));
      if (!isObject(patch)) throw configErrors.CONFIG_INVALID("config.patch raw must be an object");
      const value = mergePatch(written as Json, patch, replacePaths);
      const changed = changedPaths(written as Json, value);
      return { ...answer(await configuration.edit({ value, baseHash: hash }, io)), changedPaths: changed, sentinel: null };
    });

    ctx.method(methods.configSchema, async (_params, io) => {
      const { schema } = await configuration.schema({}, io);
      const generatedAt = new Date(ctx.clock.now()).toISOString();
      return { schema, uiHints: Object.fromEntries(hintsOf(schema as Shape)), version: ctx.version, generatedAt };
    });

    ctx.method(methods.configSchemaLookup, async ({ path }, io) => {
      const found = lookUp((await configuration.schema({}, io)).schema as Shape, path);
      if (!found) throw configErrors.CONFIG_PATH_UNKNOWN(`config schema path not found: ${path}`);
      return found;
    });
  },
});

const ofLevel = (wanted: ConfigIssue["level"], issues: readonly ConfigIssue[]) =>
  issues.filter(({ level }) => level === wanted).map(({ level: _, ...issue }) => issue);

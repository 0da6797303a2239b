import { definePlugin } from "@pincer/plugin-sdk";
import { authProfiles } from "@pincer/plugin-sdk/contracts/auth-profiles";
import { llm } from "@pincer/plugin-sdk/contracts/llm";
import { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { Type } from "@sinclair/typebox";
import { runCommand, USAGE } from "./command.ts";
import { FailoverConfig } from "./config.ts";
import { Health } from "./health.ts";
import { createHealthStore } from "./health-store.ts";
import { createFailover, PROFILE_FACET } from "./llm.ts";
import { registerManagement } from "./management.ts";
import { isOwn } from "./order.ts";
import { createProber } from "./prober.ts";
import { Profiles } from "./profiles.ts";
import { createTokens } from "./tokens.ts";

export default definePlugin({
  config: FailoverConfig,
  uses: { access: modelAccess, secrets, sessions },

  setup(ctx) {
    const profiles = new Profiles(ctx);
    const health: Health = new Health(
      ctx.clock,
      () => ctx.config,
      (profile, counts) => {
        kept.changed(profile, counts);
        if (counts === undefined) prober.arm();
      },
    );
    const kept = createHealthStore(
      ctx,
      () => health,
      (name) => isOwn(name) || profiles.find(name) !== undefined,
    );
    const tokens = createTokens(ctx, profiles, health);
    const prober = createProber(ctx, health, tokens);
    let loading: Promise<void> | undefined;
    const ready = (): Promise<void> => {
      loading ??= Promise.all([profiles.load(), kept.load()]).then(
        () => prober.arm(),
        (error: unknown) => {
          loading = undefined;
          throw error;
        },
      );
      return loading;
    };
    ctx.own(prober);
    ctx.onUnload(() => kept.flush());

    ctx.provide(llm, "failover", {}, createFailover(ctx, { profiles, health, tokens, ready, random: Math.random }));
    ctx.provide(authProfiles, "failover", {}, registerManagement(ctx, { profiles, health, prober, ready }));
    ctx.facet(PROFILE_FACET, {
      schema: Type.String({ minLength: 1, maxLength: 128 }),
      summary: "The auth profile that is tried first",
      patch: "operator.write",
    });
    ctx.command({ name: "models auth", summary: "Several keys for a provider of models", usage: USAGE }, runCommand);
  },
});

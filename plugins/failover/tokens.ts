/** What a request is made with: a profile's credential, refreshed in time, and once for all who wait for it. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Credential, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import type { FailoverConfig } from "./config.ts";
import type { Health } from "./health.ts";
import { type OAuthContext, refreshToken } from "./oauth.ts";
import { isOwn } from "./order.ts";
import { credentialOf, type Profile, type Profiles } from "./profiles.ts";

interface TokensContext extends OAuthContext {
  readonly clock: Clock;
  readonly config: Pick<FailoverConfig, "oauth" | "refreshAheadMs">;
  readonly log: Logger;
  /** Aborts when the plugin is unloaded. */
  readonly signal: AbortSignal;
}

export interface Tokens {
  /** `{}` stands for the provider's own. */
  credential(profile: string): Promise<{ readonly credential?: Credential } | { readonly failure: ModelFailure }>;
  /** The vendor itself did not take it: a new one is fetched behind the back of whoever asked, and then the profile is as it was. */
  refused(profile: string): void;
}

export function createTokens(ctx: TokensContext, profiles: Profiles, health: Health): Tokens {
  const { clock, log, signal } = ctx;
  const refreshing = new Map<string, Promise<ModelFailure | undefined>>();
  const signInAgain = (name: string) => `sign in again: pincer models auth login ${name}`;

  const refresh = async ({ name, endpoint, refreshSecret }: Profile): Promise<ModelFailure | undefined> => {
    const settings = ctx.config.oauth[endpoint];
    if (!settings)
      return { class: "auth", message: `its token has ended, and failover.oauth.${endpoint} does not say where it is refreshed` };
    const token = refreshSecret === undefined ? undefined : await ctx.secret(refreshSecret);
    if (token === undefined) return { class: "auth", message: `its token has ended; ${signInAgain(name)}` };
    const found = await refreshToken(ctx, settings, token, signal);
    if ("token" in found) {
      await profiles.renew(name, found.token, { signal });
      log.info("failover.refreshed", { profile: name });
      return undefined;
    }
    log.warn("failover.not-refreshed", { profile: name, refused: found.refused, error: found.message });
    if (found.refused) return { class: "auth", message: `its token cannot be refreshed: ${found.message}; ${signInAgain(name)}` };
    return { class: "network", message: `its token could not be refreshed: ${found.message}` };
  };
  /** Whoever needs it meanwhile gets the same. */
  const once = (profile: Profile): Promise<ModelFailure | undefined> => {
    const running = refreshing.get(profile.name);
    if (running) return running;
    const begun = refresh(profile)
      .catch((error: unknown): ModelFailure => ({ class: "unknown", message: `its token could not be refreshed: ${String(error)}` }))
      .finally(() => refreshing.delete(profile.name));
    refreshing.set(profile.name, begun);
    return begun;
  };

  return {
    async credential(name) {
      if (isOwn(name)) return {};
      const profile = profiles.find(name);
      if (!profile) return { failure: { class: "auth", message: "the profile is not there any more" } };
      const { type, expiresAt } = profile;
      const leftMs = expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt - clock.now();
      if (type !== "oauth") {
        if (leftMs > 0) return { credential: credentialOf(profile) };
        return { failure: { class: "auth", message: `it ended ${new Date(expiresAt as number).toISOString()}` } };
      }
      if (leftMs > 0) {
        if (leftMs <= ctx.config.refreshAheadMs) void once(profile);
        return { credential: credentialOf(profile) };
      }
      const failure = await once(profile);
      return failure ? { failure } : { credential: credentialOf(profiles.require(name)) };
    },

    refused(name) {
      const profile = profiles.find(name);
      if (profile?.type !== "oauth" || refreshing.has(name)) return;
      void once(profile).then((failure) => {
        if (failure === undefined && !signal.aborted) health.reset(name);
      });
    },
  };
}

/** A profile as people and other plugins see it. */

import type { Clock } from "@pincer/plugin-sdk/clock";
import type { AuthProfile } from "@pincer/plugin-sdk/contracts/auth-profiles";
import type { Credential } from "@pincer/plugin-sdk/contracts/provider";
import type { FailoverConfig } from "./config.ts";
import type { Health, TargetHealth } from "./health.ts";
import { endpointOf, isOwn, orderOf, ownProfile } from "./order.ts";
import { credentialOf, type Profile, type Profiles } from "./profiles.ts";

export function createStates(
  ctx: { readonly clock: Clock; readonly config: Pick<FailoverConfig, "order"> },
  profiles: Profiles,
  health: Health,
) {
  const stateOf = (profile: Omit<Profile, "createdAt">): AuthProfile => {
    const { name, endpoint, type, priority, expiresAt } = profile;
    const { failed, lastUsedAt, failureCount } = health.profile(name);
    const now = ctx.clock.monotonic();
    const endOf = ({ cooling }: Readonly<TargetHealth>): number | undefined =>
      cooling !== undefined && cooling.until > now ? Math.round(ctx.clock.now() + cooling.until - now) : undefined;
    const models = health.models(name);
    const resting = models.filter(([, target]) => endOf(target) !== undefined);
    const last = resting.map(([, target]) => target).toSorted((a, b) => (endOf(b) ?? 0) - (endOf(a) ?? 0))[0];
    const reason = failed ?? last?.cooling?.reason;
    const until = failed === undefined && last ? endOf(last) : undefined;
    return {
      ...{ name, endpoint, type, priority, failureCount },
      state: failed ? "failed" : last ? "cooldown" : "active",
      ...(reason === undefined ? {} : { reason }),
      ...(until === undefined ? {} : { cooldownUntil: until }),
      ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      models: models.map(([model, target]) => {
        const { successes, failures, latencyMs } = target;
        const end = endOf(target);
        return { model, successes, failures, latencyMs, ...(end === undefined ? {} : { cooldownUntil: end }) };
      }),
    };
  };

  return {
    stateOf,
    usable(): Record<string, Credential> {
      const found: Record<string, Credential> = {};
      const isWell = ({ name }: Profile) => health.profile(name).failed === undefined;
      for (const profile of profiles.all)
        if (!Object.hasOwn(found, profile.endpoint) || isWell(profile)) found[profile.endpoint] = credentialOf(profile);
      return found;
    },
    /** Endpoint by endpoint, in the order in which they are tried when nobody asks for one. */
    list(endpoint?: string): AuthProfile[] {
      const own = health.known.filter(isOwn);
      const all = [...profiles.all.map((profile) => profile.endpoint), ...own.map(endpointOf)];
      const endpoints = [...new Set(all)].filter((one) => endpoint === undefined || one === endpoint);
      return endpoints.toSorted().flatMap((one) => {
        const names = orderOf({
          ...{ endpoint: one, requested: undefined, session: undefined, hasOwn: own.includes(ownProfile(one)), profiles: profiles.all },
          ...{ override: profiles.override(one), configured: ctx.config.order[one] ?? [] },
        });
        return names.map((name): AuthProfile => {
          if (!isOwn(name)) return stateOf(profiles.require(name));
          return { ...stateOf({ name, endpoint: one, type: "api-key", priority: 0 }), own: true };
        });
      });
    },
  };
}

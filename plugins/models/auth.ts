/** What `models.authStatus` says of endpoints and of their profiles, and what `models.authLogout` forgets. */
import type { AuthProfile } from "@pincer/plugin-sdk/contracts/auth-profiles";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import type { Directory, Endpoint } from "./directory.ts";
import { type AuthState, modelsAuthLogout, modelsAuthStatus } from "./methods.ts";
import type { ModelsContext } from "./uses.ts";

type Row = ResultOf<typeof modelsAuthStatus>["providers"][number];

/** Clients warn of what ends within a day. */
const SOON_MS = 86_400_000;
const [minute, hour] = [60_000, 3_600_000];

const spanOf = (ms: number): string => {
  if (ms <= 0) return "expired";
  if (ms < hour) return `${Math.max(1, Math.round(ms / minute))}m`;
  return ms < SOON_MS ? `${Math.round(ms / hour)}h` : `${Math.round(ms / SOON_MS)}d`;
};

const stateOf = ({ state, expiresAt, type }: AuthProfile, now: number): AuthState => {
  if (state === "failed") return "missing";
  if (expiresAt === undefined) return type === "aws-sdk" ? "ok" : "static";
  return expiresAt <= now ? "expired" : expiresAt - now < SOON_MS && type !== "oauth" ? "expiring" : "ok";
};

const expiryOf = ({ expiresAt }: AuthProfile, now: number) =>
  expiresAt === undefined ? {} : { expiry: { at: expiresAt, remainingMs: expiresAt - now, label: spanOf(expiresAt - now) } };

const rowOf = (profile: AuthProfile, now: number): Row["profiles"][number] => {
  const { name, type, priority, state, reason, cooldownUntil, failureCount, models, lastUsedAt } = profile;
  return {
    profileId: name,
    type: type === "api-key" ? "api_key" : type,
    status: stateOf(profile, now),
    ...(reason === undefined ? {} : { reason, reasonCode: reason.class }),
    ...expiryOf(profile, now),
    ...(profile.own === true ? {} : { logoutSupported: true as const }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
    ...{ priority, state, failureCount, models },
    ...(cooldownUntil === undefined ? {} : { cooldownUntil }),
  };
};

/** The best that an endpoint has decides. */
const BEST: readonly AuthState[] = ["ok", "static", "expiring", "expired", "missing"];

/** `all`: the profiles of every endpoint. */
function authRow(endpoint: Endpoint, all: readonly AuthProfile[], now: number): Row {
  const { label, own, detail, defaultModel, offline } = endpoint;
  const ours = all.filter((profile) => profile.endpoint === endpoint.endpoint);
  const profiles = ours.map((profile) => rowOf(profile, now));
  const isOwnOff = ours.some((profile) => profile.own === true && profile.state === "failed");
  const states: readonly AuthState[] = [
    ...(own === undefined || isOwnOff ? [] : [offline ? ("ok" as const) : ("static" as const)]),
    ...profiles.map(({ status }) => status),
  ];
  const status = BEST.find((state) => states.includes(state)) ?? "missing";
  const ending = profiles.find((profile) => profile.status === status && profile.expiry !== undefined)?.expiry;
  return {
    provider: endpoint.endpoint,
    displayName: label,
    status,
    ...(own === undefined && ending ? { expiry: ending } : {}),
    profiles,
    ...(profiles.length === 0 ? {} : { profileOrder: profiles.map(({ profileId }) => profileId) }),
    ...(detail === undefined || profiles.length > 0 ? {} : { detail }),
    ...(defaultModel === undefined ? {} : { defaultModel }),
  };
}

export function registerAuth(ctx: ModelsContext, directory: Directory): void {
  ctx.method(modelsAuthStatus, async ({ refresh = false }, call) => {
    const endpoints = await directory.endpoints({ refresh });
    const profiles = (await ctx.uses.profiles?.list({}, call))?.profiles ?? [];
    const ts = ctx.clock.now();
    return { ts, providers: endpoints.map((endpoint) => authRow(endpoint, profiles, ts)) };
  });

  ctx.method(modelsAuthLogout, async ({ provider: endpoint, profileIds }, call) => {
    const { profiles } = ctx.uses;
    const asked = { endpoint, ...(profileIds === undefined ? {} : { profiles: profileIds }) };
    const { forgotten } = profiles ? await profiles.forget(asked, call) : { forgotten: [] };
    return { provider: endpoint, removedProfiles: forgotten };
  });
}

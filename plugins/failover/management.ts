/** Profiles added, ordered, tested, signed in to and forgotten; and the list of them. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { ImplementationOf, Io, Uses } from "@pincer/plugin-sdk/contract";
import type { authProfiles } from "@pincer/plugin-sdk/contracts/auth-profiles";
import type { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { CredentialType } from "@pincer/plugin-sdk/contracts/provider";
import type { FailoverConfig, OAuthSettings } from "./config.ts";
import { failoverErrors } from "./errors.ts";
import type { Health } from "./health.ts";
import * as methods from "./methods.ts";
import { askDeviceCode, awaitDevice, type DeviceCode } from "./oauth.ts";
import { endpointOf, isOwn, ownProfile } from "./order.ts";
import type { Prober } from "./prober.ts";
import type { Profiles } from "./profiles.ts";
import { createStates } from "./states.ts";

type ManagementContext = PluginContext<FailoverConfig, Uses> & {
  readonly uses: { readonly access: ImplementationOf<typeof modelAccess> };
};

interface SigningIn {
  readonly name: string;
  readonly priority: number | undefined;
  readonly settings: OAuthSettings;
  readonly code: DeviceCode;
}

/** Who began to sign in and never came back. */
const MOST_SIGNING_IN = 20;

/** What a credential is taken for when nobody says. */
const USUAL: readonly CredentialType[] = ["api-key", "token", "oauth", "aws-sdk"];

export function registerManagement(
  ctx: ManagementContext,
  parts: { readonly profiles: Profiles; readonly health: Health; readonly prober: Prober; ready(): Promise<void> },
): ImplementationOf<typeof authProfiles> {
  const { profiles, health, prober, ready } = parts;
  const states = createStates(ctx, profiles, health);
  const signingIn = new Map<string, SigningIn>();
  const invalid = (message: string) => failoverErrors.FAILOVER_PROFILE_INVALID(message);

  /** Throws `FAILOVER_PROFILE_INVALID` when nobody serves the endpoint, or it takes nothing of that type. */
  const requireEndpoint = async (name: string, asked: CredentialType | undefined, io: Io) => {
    const endpoint = endpointOf(name);
    if (isOwn(name)) throw invalid(`"${name}" stands for what the provider itself has; choose another name behind the colon`);
    const { endpoints } = await ctx.uses.access.endpoints({}, io);
    const found = endpoints.find((one) => one.endpoint === endpoint);
    if (!found) {
      const known = endpoints.map((one) => one.endpoint).join(", ") || "none";
      const what = `no provider that is enabled serves "${endpoint}"; there are: ${known}`;
      throw invalid(`${what}. A vendor's plugin is enabled so: pincer plugins enable provider-openai`);
    }
    const type = asked ?? USUAL.find((one) => found.credentials.includes(one));
    if (type === undefined || !found.credentials.includes(type)) {
      throw invalid(
        `${found.label} takes no profile${type === undefined ? "" : ` of the type ${type}`}; it takes: ${found.credentials.join(", ") || "none at all"}`,
      );
    }
    return { ...found, type };
  };

  ctx.method(methods.profilesList, async ({ provider }) => {
    await ready();
    return { ts: Math.round(ctx.clock.now()), profiles: states.list(provider) };
  });

  ctx.method(methods.profilesAdd, async ({ type: asked, ...given }, call) => {
    await ready();
    const { plugin, type } = await requireEndpoint(given.name, asked, call);
    if (type === "aws-sdk" ? given.value !== undefined : given.value === undefined) {
      throw invalid(type === "aws-sdk" ? "aws-sdk takes no value: AWS's own files and variables hold it" : `${type} needs a value`);
    }
    if (given.refreshToken !== undefined && type !== "oauth") throw invalid("only oauth has a refresh token");
    const profile = await profiles.add({ ...given, type }, plugin, call.connection.principal, call);
    health.reset(profile.name);
    return { profile: states.stateOf(profile) };
  });

  ctx.method(methods.orderSet, async ({ provider, profiles: names }) => {
    await ready();
    for (const name of names) if (name !== ownProfile(provider)) profiles.require(name);
    const other = names.find((name) => endpointOf(name) !== provider);
    if (other !== undefined) throw invalid(`"${other}" is no profile of ${provider}`);
    await profiles.setOrder(provider, names);
    return { provider, order: states.list(provider).map(({ name }) => name) };
  });

  ctx.method(methods.profilesTest, async ({ profiles: wanted }, call) => {
    await ready();
    const names = wanted ?? profiles.all.map(({ name }) => name);
    for (const name of names) if (!isOwn(name)) profiles.require(name);
    const results = await Promise.all(
      names.map(async (profile) => {
        const begun = ctx.clock.monotonic();
        const outcome = await prober.ask(profile, call);
        const ms = Math.round(ctx.clock.monotonic() - begun);
        if (!outcome.possible) return { profile, outcome: "unknown" as const, ms };
        if (outcome.failure) return { profile, outcome: "failed" as const, failure: outcome.failure, ms };
        if (health.profile(profile).failed) health.reset(profile);
        return { profile, outcome: "ok" as const, ms };
      }),
    );
    return { results };
  });

  ctx.method(methods.signInPlace, async ({ name }, call) => {
    await ready();
    const { signIn } = await requireEndpoint(name, "oauth", call);
    const configured = ctx.config.oauth[endpointOf(name)] !== undefined;
    return { configured, ...(configured || signIn === undefined ? {} : { suggested: signIn }) };
  });

  ctx.method(methods.signInStart, async ({ name, priority }, call) => {
    await ready();
    await requireEndpoint(name, "oauth", call);
    const endpoint = endpointOf(name);
    const settings = ctx.config.oauth[endpoint];
    if (!settings) {
      const add = `"pincer models auth add ${name}" keeps a key`;
      throw invalid(`failover.oauth.${endpoint} does not say where to sign in (deviceUrl, tokenUrl, clientId); ${add}`);
    }
    const code = await askDeviceCode(ctx, settings, call.signal);
    const id = crypto.randomUUID();
    signingIn.set(id, { name, priority, settings, code });
    for (const old of [...signingIn.keys()].slice(0, -MOST_SIGNING_IN)) signingIn.delete(old);
    const { userCode, verificationUri, verificationUriComplete, expiresAt } = code;
    return {
      ...{ id, userCode, verificationUri, expiresAt: Math.round(expiresAt) },
      ...(verificationUriComplete === undefined ? {} : { verificationUriComplete }),
    };
  });

  ctx.method(methods.signInWait, async ({ id }, call) => {
    const begun = signingIn.get(id);
    if (!begun) throw failoverErrors.FAILOVER_SIGN_IN_UNKNOWN();
    const { name, priority, settings, code } = begun;
    const { plugin } = await requireEndpoint(name, "oauth", call);
    const token = await awaitDevice(ctx, settings, code, call.signal);
    signingIn.delete(id);
    const profile = await profiles.add({ name, type: "oauth", priority, ...token }, plugin, call.connection.principal, call);
    health.reset(name);
    return { profile: states.stateOf(profile) };
  });

  return {
    async list() {
      await ready();
      return { profiles: states.list() };
    },
    async usable() {
      await ready();
      return { endpoints: states.usable() };
    },
    async forget({ endpoint, profiles: named }, io) {
      await ready();
      const own = profiles.of(endpoint).map(({ name }) => name);
      for (const name of named ?? []) profiles.require(name);
      const other = named?.find((name) => !own.includes(name));
      if (other !== undefined) throw invalid(`"${other}" is no profile of ${endpoint}`);
      const forgotten = await profiles.forget(named ?? own, io);
      for (const name of forgotten) health.forget(name);
      return { forgotten: [...forgotten] };
    },
  };
}

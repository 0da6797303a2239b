/** The auth profiles: what they are is kept in this plugin's store, their credentials among the gateway's secrets. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { Credential, CredentialType } from "@pincer/plugin-sdk/contracts/provider";
import type { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import { hasCode } from "@pincer/plugin-sdk/error";
import { PROFILE_SECRET } from "@pincer/plugin-sdk/provider/endpoint";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { failoverErrors } from "./errors.ts";
import { endpointOf } from "./order.ts";

export interface Profile {
  readonly name: string;
  readonly endpoint: string;
  readonly type: CredentialType;
  readonly priority: number;
  readonly createdAt: number;
  /** Of `aws-sdk` alone there is none: AWS's own files and variables hold it. */
  readonly secret?: string;
  readonly refreshSecret?: string;
  readonly awsProfile?: string;
  readonly expiresAt?: number;
}

interface NewProfile {
  readonly name: string;
  readonly type: CredentialType;
  readonly priority?: number | undefined;
  readonly value?: string | undefined;
  readonly refreshToken?: string | undefined;
  readonly awsProfile?: string | undefined;
  readonly expiresAt?: number | undefined;
}

/** What a sign-in or a refresh has brought. */
export interface Token {
  readonly value: string;
  readonly refreshToken?: string | undefined;
  readonly expiresAt?: number | undefined;
}

interface ProfilesContext {
  readonly id: string;
  readonly clock: Clock;
  readonly store: KeyValueStore;
  readonly uses: { readonly secrets: ImplementationOf<typeof secrets> };
  secret(name: string): Promise<string | undefined>;
}

export const credentialOf = ({ type, secret, awsProfile }: Profile): Credential => ({
  type,
  ...(secret === undefined ? {} : { secret }),
  ...(awsProfile === undefined ? {} : { name: awsProfile }),
});

/** Names of secrets have no `-` and no `:`; two names of profiles that then look alike are told apart by what the hash says. */
const secretName = (profile: string): string =>
  `${PROFILE_SECRET}${profile
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "_")
    .slice(0, 80)}_${Bun.hash(profile).toString(36).toUpperCase().slice(0, 8)}`;

export class Profiles {
  readonly #ctx: ProfilesContext;
  readonly #inTurn = createQueue();
  #all = new Map<string, Profile>();
  readonly #orders = new Map<string, readonly string[]>();
  #loaded: Promise<void> | undefined;

  constructor(ctx: ProfilesContext) {
    this.#ctx = ctx;
  }

  /** Reads the store once; whatever else is asked here needs it. */
  load(): Promise<void> {
    this.#loaded ??= this.#load().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  get all(): readonly Profile[] {
    return [...this.#all.values()];
  }

  of(endpoint: string): readonly Profile[] {
    return this.all.filter((profile) => profile.endpoint === endpoint);
  }

  find(name: string): Profile | undefined {
    return this.#all.get(name);
  }

  /** What was set while the gateway ran, over what the configuration says. */
  override(endpoint: string): readonly string[] {
    return this.#orders.get(endpoint) ?? [];
  }

  /** Also replaces the one of that name. The provider's plugin is granted the secret, by name. */
  add(profile: NewProfile, provider: string | undefined, by: string, io: Io): Promise<Profile> {
    return this.#inTurn(async () => {
      const before = this.#all.get(profile.name);
      const { name, type, value, refreshToken, awsProfile, expiresAt } = profile;
      const secret = value === undefined ? undefined : secretName(name);
      if (secret !== undefined && value !== undefined) await this.#keep(secret, value, provider, by, io);
      const refreshSecret = refreshToken === undefined ? undefined : `${secretName(name)}_REFRESH`;
      if (refreshSecret !== undefined && refreshToken !== undefined) await this.#keep(refreshSecret, refreshToken, undefined, by, io);
      const next: Profile = {
        ...{ name, endpoint: endpointOf(name), type },
        priority: profile.priority ?? before?.priority ?? 0,
        createdAt: before?.createdAt ?? this.#ctx.clock.now(),
        ...(secret === undefined ? {} : { secret }),
        ...(refreshSecret === undefined ? {} : { refreshSecret }),
        ...(awsProfile === undefined ? {} : { awsProfile }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
      await this.#ctx.store.set({ [`profile/${name}`]: next });
      this.#all.set(name, next);
      for (const left of [before?.secret, before?.refreshSecret]) {
        if (left !== undefined && left !== secret && left !== refreshSecret) await this.#delete(left, io);
      }
      return next;
    });
  }

  /** A new token of a profile that stays what it is. */
  renew(name: string, { value, refreshToken, expiresAt }: Token, io: Io): Promise<void> {
    return this.#inTurn(async () => {
      const profile = this.#all.get(name);
      if (profile?.secret === undefined) return;
      const by = `plugin:${this.#ctx.id}`;
      // The vendor may take the old one back with this: it is the first to be kept.
      if (refreshToken !== undefined && profile.refreshSecret !== undefined) {
        await this.#ctx.uses.secrets.set({ name: profile.refreshSecret, value: refreshToken, by }, io);
      }
      await this.#ctx.uses.secrets.set({ name: profile.secret, value, by }, io);
      const { expiresAt: _, ...rest } = profile;
      const next = { ...rest, ...(expiresAt === undefined ? {} : { expiresAt }) };
      await this.#ctx.store.set({ [`profile/${name}`]: next });
      this.#all.set(name, next);
    });
  }

  forget(names: readonly string[], io: Io): Promise<readonly string[]> {
    return this.#inTurn(async () => {
      const known = names.flatMap((name) => this.#all.get(name) ?? []);
      await this.#ctx.store.set(Object.fromEntries(known.map(({ name }) => [`profile/${name}`, undefined])));
      for (const { name, secret, refreshSecret } of known) {
        this.#all.delete(name);
        for (const kept of [secret, refreshSecret]) if (kept !== undefined) await this.#delete(kept, io);
      }
      return known.map(({ name }) => name);
    });
  }

  /** Without names the order that the configuration says holds again. */
  setOrder(endpoint: string, names: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#ctx.store.set({ [`order/${endpoint}`]: names.length === 0 ? undefined : names });
      if (names.length === 0) this.#orders.delete(endpoint);
      else this.#orders.set(endpoint, names);
    });
  }

  /** Throws `FAILOVER_PROFILE_UNKNOWN`, with those that there are. */
  require(name: string): Profile {
    const profile = this.#all.get(name);
    if (profile) return profile;
    const known = this.all.map((one) => one.name).join(", ") || "none; pincer models auth add <provider>:<name> keeps one";
    throw failoverErrors.FAILOVER_PROFILE_UNKNOWN(`there is no auth profile "${name}"; there are: ${known}`, { data: { profile: name } });
  }

  async #load(): Promise<void> {
    const [profiles, orders] = await Promise.all([this.#ctx.store.list<Profile>("profile/"), this.#ctx.store.list<string[]>("order/")]);
    this.#all = new Map(profiles.map(({ value }) => [value.name, value]));
    for (const { key, value } of orders) this.#orders.set(key.slice("order/".length), value);
  }

  async #keep(name: string, value: string, provider: string | undefined, by: string, io: Io): Promise<void> {
    const { secrets: kept } = this.#ctx.uses;
    await kept.set({ name, value, by }, io);
    for (const plugin of new Set([this.#ctx.id, provider ?? this.#ctx.id])) await kept.grant({ name, plugin, granted: true }, io);
  }

  async #delete(name: string, io: Io): Promise<void> {
    try {
      await this.#ctx.uses.secrets.delete({ name }, io);
    } catch (error) {
      if (!hasCode(error, "SECRETS_UNKNOWN")) throw error;
    }
  }
}

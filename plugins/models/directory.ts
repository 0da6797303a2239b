/** Which endpoints there are, whether they are ready, and what models they say they have: asked of the providers, and kept for a while. */

import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Io, Providers, RecordOf } from "@pincer/plugin-sdk/contract";
import type { authProfiles } from "@pincer/plugin-sdk/contracts/auth-profiles";
import type { Credential, CredentialType, EndpointStatus, ModelInfo, provider, SignIn } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { inTime } from "@pincer/plugin-sdk/provider/in-time";
import type { ModelsConfig } from "./config.ts";

interface DirectoryContext {
  readonly config: ModelsConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly uses: { readonly providers: Providers<typeof provider>; readonly profiles: ImplementationOf<typeof authProfiles> | undefined };
}

/** `ready`: with a credential of its own, or with a profile's. */
export interface Endpoint extends EndpointStatus {
  /** The provider that serves it. */
  readonly provider: string;
  readonly plugin: string;
  readonly offline: boolean;
  readonly local: boolean;
  /** As in `model-access`. */
  readonly own: string | undefined;
  readonly credentials: readonly CredentialType[];
  readonly signIn: SignIn | undefined;
  /** Its provider did not say in time whether it is ready, which is no word against it. */
  readonly isLate?: boolean;
  /** Of a profile. */
  readonly profile: Credential | undefined;
}

export interface Directory {
  /** One of them, by its name. */
  endpoint(name: string): Promise<Endpoint | undefined>;
  /**
   * In the order of their providers' names: those that were set up, then those that were found, last those that are only a stand-in. The same
   * list while nothing is otherwise.
   */
  endpoints(options?: { readonly refresh?: boolean }): Promise<readonly Endpoint[]>;
  /** What the endpoint's server lists; empty when it does not answer. `prepared`: only what is known already. */
  models(endpoint: Endpoint, options?: { readonly refresh?: boolean; readonly prepared?: boolean }): Promise<readonly ModelInfo[]>;
}

const NONE: readonly ModelInfo[] = [];
/** The longest lists of today have some hundred. */
const MOST_MODELS = 5_000;
const LONGEST_ID = 300;

/** By endpoint. */
type Profiles = Readonly<Record<string, Credential>>;

interface Kept<T> {
  readonly at: number;
  readonly value: Promise<T>;
}

class Late extends Error {}

const placeOf = ({ offline, found }: RecordOf<typeof provider>): number => (offline ? 2 : found ? 1 : 0);

export function createDirectory(ctx: DirectoryContext): Directory {
  const { clock, log } = ctx;
  const lists = new Map<string, Kept<readonly ModelInfo[]>>();
  let statuses: (Kept<readonly Endpoint[]> & { readonly providers: string }) | undefined;
  /** What was answered last, so that whoever asks again and finds nothing else gets the same. */
  let answered: { readonly known: readonly Endpoint[]; readonly profiles: Profiles; readonly endpoints: readonly Endpoint[] } | undefined;
  /** What each provider said last: of what it serves besides its own. */
  const before = new Map<string, readonly EndpointStatus[]>();
  const isFresh = (kept: Kept<unknown> | undefined, forMs: number): boolean => kept !== undefined && clock.now() - kept.at < forMs;

  /** Shared by all who ask meanwhile, and so bound to none of their signals: whoever does not answer is given up when its time is over. */
  const asked = async <T>(ms: number, what: string, ask: (io: Io) => Promise<T>): Promise<T> => {
    const controller = new AbortController();
    const late = () => new Late(`it took longer than ${ms} ms to say ${what}`);
    try {
      return await inTime(clock, ms, ask({ signal: controller.signal }), late);
    } catch (error) {
      controller.abort(error);
      throw error;
    }
  };

  type Status = EndpointStatus & Pick<Endpoint, "isLate">;
  const statusesOf = async (name: string, record: RecordOf<typeof provider>): Promise<readonly Status[]> => {
    try {
      const ask = (io: Io) => ctx.uses.providers.get(name).endpoints({}, io);
      const { endpoints } = await asked(ctx.config.statusTimeoutMs, "whether it is ready", ask);
      before.set(name, endpoints);
      return endpoints;
    } catch (error) {
      log.warn("models.provider-failed", { provider: name, error: errorMessage(error) });
      const detail = `the plugin of ${record.label} failed: ${errorMessage(error)}`;
      const known = before.get(name) ?? record.endpoints.map((endpoint) => ({ endpoint, label: record.label }));
      return known.map(({ endpoint, label }) => ({ endpoint, label, ready: false, detail, isLate: error instanceof Late }));
    }
  };

  const ask = async (): Promise<readonly Endpoint[]> => {
    const listed = [...ctx.uses.providers.list()].sort((a, b) => placeOf(a.record) - placeOf(b.record) || (a.name < b.name ? -1 : 1));
    const found = await Promise.all(
      listed.map(async ({ name, plugin, record }): Promise<readonly Endpoint[]> => {
        const { offline = false, credentials = [], signIn } = record;
        return (await statusesOf(name, record)).map((status) => ({
          ...status,
          ...{ provider: name, plugin, offline, credentials, profile: undefined },
          local: status.local ?? offline,
          own: status.ready ? (status.credential ?? "") : undefined,
          signIn: signIn?.[status.endpoint],
        }));
      }),
    );
    const names = new Set<string>();
    return found.flat().filter(({ endpoint }) => !names.has(endpoint) && names.add(endpoint));
  };

  /** Asked each time: a profile that was just added is one. */
  const usable = async (): Promise<Profiles> => {
    if (!ctx.uses.profiles) return {};
    try {
      const { profiles } = ctx.uses;
      return (await asked(ctx.config.statusTimeoutMs, "what it has", (io) => profiles.usable({}, io))).endpoints;
    } catch (error) {
      log.warn("models.profiles-failed", { error: errorMessage(error) });
      return {};
    }
  };

  /** As their providers say, without profiles. */
  const present = (refresh: boolean): Promise<readonly Endpoint[]> => {
    const providers = ctx.uses.providers
      .list()
      .map(({ name }) => name)
      .join();
    if (refresh || statuses?.providers !== providers || !isFresh(statuses, ctx.config.statusKeptMs)) {
      statuses = { at: clock.now(), value: ask(), providers };
    }
    return statuses.value;
  };

  const endpoints = async ({ refresh = false }: { readonly refresh?: boolean } = {}): Promise<readonly Endpoint[]> => {
    const [known, profiles] = await Promise.all([present(refresh), usable()]);
    if (answered?.known === known && Bun.deepEquals(answered.profiles, profiles)) return answered.endpoints;
    const told = known.map((endpoint) => {
      const profile = profiles[endpoint.endpoint];
      return profile === undefined ? endpoint : { ...endpoint, ready: true, profile };
    });
    answered = { known, profiles, endpoints: told };
    return told;
  };

  /** A list goes to every app and page that asks: what nobody could choose from is left out. */
  const withinReason = (models: readonly ModelInfo[], endpoint: string): readonly ModelInfo[] => {
    const usable = models.filter(({ id }) => id.length <= LONGEST_ID).slice(0, MOST_MODELS);
    if (usable.length < models.length) log.warn("models.list-cut", { endpoint, listed: models.length, kept: usable.length });
    return usable;
  };

  return {
    async endpoint(name) {
      const found = (await present(false)).find(({ endpoint }) => endpoint === name);
      // What has a credential of its own is ready without a profile.
      if (found === undefined || found.own !== undefined) return found;
      return (await endpoints()).find(({ endpoint }) => endpoint === name);
    },

    endpoints,

    async models(endpoint, { refresh = false, prepared = false } = {}) {
      const { own, profile } = endpoint;
      const kept = lists.get(endpoint.endpoint);
      if (prepared || (!refresh && isFresh(kept, ctx.config.listKeptMs))) return kept ? kept.value : NONE;
      const wanted = { endpoint: endpoint.endpoint, refresh, ...(own === undefined && profile ? { credential: profile } : {}) };
      const ask = (io: Io) => ctx.uses.providers.get(endpoint.provider).models(wanted, io);
      const value = asked(ctx.config.listTimeoutMs, "which models it has", ask)
        .then(({ models }) => withinReason(models, endpoint.endpoint))
        .catch((error: unknown) => {
          log.warn("models.list-failed", { endpoint: endpoint.endpoint, error: errorMessage(error) });
          return [];
        });
      lists.set(endpoint.endpoint, { at: clock.now(), value });
      return value;
    },
  };
}

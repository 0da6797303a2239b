/** What endpoints of every provider have in common: what an operator may say of one, and what a provider needs to reach it. */
import { Type } from "@sinclair/typebox";
import { isPrivate } from "../addresses.ts";
import type { Clock } from "../clock.ts";
import type { Fetch } from "./watch.ts";

/** The part of a plugin's context that a provider needs. */
export interface ProviderContext<Config> {
  readonly config: Config;
  readonly clock: Clock;
  readonly fetch: Fetch;
  secret(name: string): Promise<string | undefined>;
}

export const EndpointName = Type.String({ pattern: "^[a-z0-9][a-z0-9_-]*$" });

/** Beside its `baseUrl`, whose form is the vendor's. */
export const endpointSettings = {
  key: Type.Optional(
    Type.Union([Type.Object({ secret: Type.String({ minLength: 1 }) }), Type.String({ minLength: 1 })], {
      description: 'The API key, best as { secret: "NAME" }',
      sensitive: true,
    }),
  ),
  headers: Type.Optional(Type.Record(Type.String(), Type.String(), { description: "Sent with every request", sensitive: true })),
  models: Type.Optional(Type.Array(Type.String(), { description: "Model ids, for a server that does not list them" })),
  defaultModel: Type.Optional(Type.String({ description: "The model when a reference names only the endpoint" })),
};

export const requestBounds = {
  idleTimeoutMs: Type.Integer({ default: 300_000, minimum: 1, description: "Silence after which a request is given up" }),
  listTimeoutMs: Type.Integer({ default: 5000, minimum: 1, description: "Longest wait for a list of models" }),
  listKeptMs: Type.Integer({ default: 3_600_000, minimum: 0, description: "How long a list of models is kept" }),
};

/** What the credentials of auth profiles are kept under. */
export const PROFILE_SECRET = "AUTH_PROFILE_";

/** For people; a secret's name is also that of the variable that may hold it. */
export const howToSet = (secret: string): string =>
  secret.startsWith(PROFILE_SECRET)
    ? "its credential is not there any more; add it again: pincer models auth add"
    : `set ${secret} in the environment, or: pincer secrets set ${secret}`;

let salt: Uint8Array | undefined;

/** What an endpoint's status says of its own credential: of use in this process alone. */
export function markOf(credential: string | undefined): { readonly credential?: string } {
  if (credential === undefined) return {};
  salt ??= crypto.getRandomValues(new Uint8Array(32));
  return { credential: new Bun.CryptoHasher("sha256", salt).update(credential).digest("hex").slice(0, 16) };
}

/**
 * For an endpoint's status: whether its address is one of this machine or of a network of one's own. A name other than `localhost` may lead
 * anywhere, and says nothing.
 */
export function localOf(baseUrl: string): { readonly local?: true } {
  const host =
    URL.parse(baseUrl)
      ?.hostname.replace(/^\[(.*)\]$/, "$1")
      .replace(/\.$/, "") ?? "";
  return isPrivate(host) || host === "localhost" || host.endsWith(".localhost") ? { local: true } : {};
}

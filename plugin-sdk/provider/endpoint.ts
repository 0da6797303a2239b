/** What endpoints of every provider have in common: what an operator may say of one, and what a provider needs to reach it. */
import { type Static, Type } from "@sinclair/typebox";
import { isPrivate } from "../addresses.ts";
import type { Clock } from "../clock.ts";
import type { Credential } from "../contracts/provider.ts";
import type { Bounds, Fetch } from "./watch.ts";

/** The part of a plugin's context that a provider needs. */
export interface ProviderContext<Config> {
  readonly config: Config;
  readonly clock: Clock;
  readonly fetch: Fetch;
  secret(name: string): Promise<string | undefined>;
}

export const EndpointName = Type.String({ pattern: "^[a-z0-9][a-z0-9_-]*$" });

const Key = Type.Union([Type.Object({ secret: Type.String({ minLength: 1 }) }), Type.String({ minLength: 1 })], {
  description: 'The API key, best as { secret: "NAME" }',
  sensitive: true,
});

/** Beside its `baseUrl`, whose form is the vendor's. */
export const endpointSettings = {
  key: Type.Optional(Key),
  headers: Type.Optional(Type.Record(Type.String(), Type.String(), { description: "Sent with every request", sensitive: true })),
  models: Type.Optional(Type.Array(Type.String(), { description: "Model ids, for a server that does not list them" })),
  defaultModel: Type.Optional(Type.String({ description: "The model when a reference names only the endpoint" })),
};

/** The provider's own endpoint first, then those that the operator configured. */
export const endpointNames = ({ endpoints }: { readonly endpoints: object }, home: string): readonly string[] => [
  ...new Set([home, ...Object.keys(endpoints)]),
];

/** `endpoint/model`, taken apart; a model's name may hold further slashes. */
export function splitRef(ref: string): { readonly endpoint: string; readonly model: string } {
  const slash = ref.indexOf("/");
  return { endpoint: ref.slice(0, slash), model: ref.slice(slash + 1) };
}

export const requestBounds = {
  idleTimeoutMs: Type.Integer({ default: 300_000, minimum: 1, description: "Silence after which a request is given up" }),
  callTimeoutMs: Type.Integer({ default: 3_600_000, minimum: 1, description: "Longest time that an answer may take from its beginning" }),
  answerBytes: Type.Integer({ default: 134_217_728, minimum: 65_536, description: "Most bytes that an answer may have, unpacked" }),
  listTimeoutMs: Type.Integer({ default: 5000, minimum: 1, description: "Longest wait for a whole list of models" }),
  listKeptMs: Type.Integer({ default: 3_600_000, minimum: 0, description: "How long a list of models is kept" }),
};
const RequestBounds = Type.Object(requestBounds);
type RequestBounds = Static<typeof RequestBounds>;

/** Of a list of models, and of whatever else a server says of itself. The longest lists have some megabytes. */
const LIST_BYTES = 33_554_432;

/** Of a call that a model answers. */
export const callBounds = ({ idleTimeoutMs, callTimeoutMs, answerBytes }: RequestBounds): Bounds => ({
  idleMs: idleTimeoutMs,
  longestMs: callTimeoutMs,
  mostBytes: answerBytes,
});

/** Of what a server says of itself. `idleMs`: where whether it is there at all has to be known sooner. */
export const listBounds = ({ listTimeoutMs }: Pick<RequestBounds, "listTimeoutMs">, idleMs = listTimeoutMs): Bounds => ({
  idleMs: Math.min(idleMs, listTimeoutMs),
  longestMs: listTimeoutMs,
  mostBytes: LIST_BYTES,
});

/** What a request is made with, and under which name it was looked for; `isNamed`: somebody said which. */
interface FoundKey {
  readonly key: string | undefined;
  readonly secret: string | undefined;
  readonly isNamed: boolean;
}

/** `given` is the endpoint's own setting, `usual` the secrets that are tried without one; `credential` takes the place of both. */
export async function findKey(
  { secret }: Pick<ProviderContext<unknown>, "secret">,
  given: Static<typeof Key> | undefined,
  usual: readonly string[],
  credential?: Credential,
): Promise<FoundKey> {
  const named = credential ? { secret: credential.secret ?? PROFILE_SECRET } : given;
  if (typeof named === "string") return { key: named, secret: undefined, isNamed: false };
  const names = named === undefined ? usual : [named.secret];
  for (const name of names) {
    const key = await secret(name);
    if (key !== undefined) return { key, secret: name, isNamed: named !== undefined };
  }
  return { key: undefined, secret: names[0], isNamed: named !== undefined };
}

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

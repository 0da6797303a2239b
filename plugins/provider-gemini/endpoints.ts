/** The endpoints that speak the Gemini API: where each is, and with which key. */
import type { Credential, EndpointStatus } from "@pincer/plugin-sdk/contracts/provider";
import { findKey, howToSet, markOf, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import type { Place } from "@pincer/plugin-sdk/provider/post";
import type { Endpoint, GeminiConfig } from "./config.ts";

export interface Access {
  readonly endpoint: string;
  /** With the version of the API. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: string | undefined;
  /** The name of the secret without which nothing is asked. */
  readonly missing: string | undefined;
}

export const HOME = "google";
const HOME_URL = "https://generativelanguage.googleapis.com";
const DEFAULT_MODEL = "gemini-3.8-flash";
/** The first is this API's alone; the second may be a key of Google's other services as well, and stands behind it. */
const KEYS = ["GEMINI_API_KEY", "GOOGLE_API_KEY"] as const;

/** `undefined` when there is no such endpoint. `credential` is used instead of the endpoint's own key. */
export async function accessTo(ctx: ProviderContext<GeminiConfig>, endpoint: string, credential?: Credential): Promise<Access | undefined> {
  const set: Endpoint | undefined = ctx.config.endpoints[endpoint];
  const home = endpoint === HOME;
  const baseUrl = set?.baseUrl ?? (home ? ((await ctx.secret("GOOGLE_GEMINI_BASE_URL")) ?? HOME_URL) : undefined);
  if (baseUrl === undefined) return undefined;
  const { key, secret, isNamed } = await findKey(ctx, set?.key, home ? KEYS : [], credential);
  const headers = set?.headers ?? {};
  const origin = baseUrl.replace(/\/+(v1beta\/*)?$/, "");
  // Another server may need no key, unless one was asked for by name; the vendor itself always does.
  const needed = isNamed || (origin === HOME_URL && !Object.keys(headers).some((name) => /^(x-goog-api-key|authorization)$/i.test(name)));
  return {
    endpoint,
    baseUrl: `${origin}/v1beta`,
    // Somebody's token goes as one; a key of the project has a header of its own.
    headers: { ...(key === undefined ? {} : credentialHeader(key, credential?.type)), ...headers },
    key,
    missing: key === undefined && needed ? (secret ?? KEYS[0]) : undefined,
  };
}

const credentialHeader = (key: string, type: Credential["type"] = "api-key"): Readonly<Record<string, string>> =>
  type === "api-key" ? { "x-goog-api-key": key } : { authorization: `Bearer ${key}` };

/** The key is one of its headers. */
export const placeOf = ({ baseUrl, headers }: Access): Place => ({ baseUrl, headers, key: undefined });

/** A model's name as part of a path. */
export const modelPath = (model: string): string => `/models/${encodeURIComponent(model)}`;

export async function statusOf(ctx: ProviderContext<GeminiConfig>, endpoint: string): Promise<EndpointStatus> {
  const set = ctx.config.endpoints[endpoint];
  const label = endpoint === HOME ? "Google Gemini" : endpoint;
  const defaultModel = set?.defaultModel ?? set?.models?.[0] ?? (endpoint === HOME ? DEFAULT_MODEL : undefined);
  const named = defaultModel === undefined ? {} : { defaultModel };
  const access = await accessTo(ctx, endpoint);
  if (!access) return { endpoint, label, ready: false, detail: `set endpoints.${endpoint}.baseUrl`, ...named };
  if (access.missing !== undefined) return { endpoint, label, ready: false, detail: howToSet(access.missing), ...named };
  return { endpoint, label, ready: true, ...markOf(access.key), ...named };
}

/** The endpoints that speak the Messages API: where each is, and with which key. */
import type { Credential, EndpointStatus } from "@pincer/plugin-sdk/contracts/provider";
import { findKey, howToSet, localOf, markOf, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import type { Place } from "@pincer/plugin-sdk/provider/post";
import type { AnthropicConfig, Endpoint } from "./config.ts";

export interface Access extends Place {
  readonly endpoint: string;
  /** The name of the secret that is missing. */
  readonly missing: string | undefined;
}

/** The version of the API that is spoken here. */
const VERSION = { "anthropic-version": "2026-10-21" };
/** What the vendor asks for beside the token of somebody who signed in. */
const SIGNED_IN = { "anthropic-beta": "oauth-2025-04-20" };

export const HOME = "anthropic";
const HOME_URL = "https://api.anthropic.com";
const KEY = "ANTHROPIC_API_KEY";
const DEFAULT_MODEL = "claude-sonnet-5-5";

/** `undefined` when there is no such endpoint. `credential` is used instead of the endpoint's own key. */
export async function accessTo(
  ctx: ProviderContext<AnthropicConfig>,
  endpoint: string,
  credential?: Credential,
): Promise<Access | undefined> {
  const set: Endpoint | undefined = ctx.config.endpoints[endpoint];
  if (!set && endpoint !== HOME) return undefined;
  const home = endpoint === HOME;
  const baseUrl = set?.baseUrl ?? (home ? ((await ctx.secret("ANTHROPIC_BASE_URL")) ?? HOME_URL) : undefined);
  if (baseUrl === undefined) return undefined;
  const { key, secret, isNamed } = await findKey(ctx, set?.key, home ? [KEY] : [], credential);
  const own = set?.headers ?? {};
  const origin = baseUrl.replace(/\/+(v1\/*)?$/, "");
  // Another server may need no key, unless one was asked for by name; the vendor itself always does.
  const needed = isNamed || (origin === HOME_URL && !Object.keys(own).some((name) => /^(x-api-key|authorization)$/i.test(name)));
  return {
    endpoint,
    baseUrl: origin,
    key,
    headers: { ...VERSION, ...own, ...(credential?.type === "oauth" ? SIGNED_IN : {}) },
    missing: key === undefined && needed ? (secret ?? KEY) : undefined,
  };
}

export async function statusOf(ctx: ProviderContext<AnthropicConfig>, endpoint: string): Promise<EndpointStatus> {
  const set = ctx.config.endpoints[endpoint];
  const label = endpoint === HOME ? "Anthropic" : endpoint;
  const defaultModel = set?.defaultModel ?? set?.models?.[0] ?? (endpoint === HOME ? DEFAULT_MODEL : undefined);
  const named = defaultModel === undefined ? {} : { defaultModel };
  const access = await accessTo(ctx, endpoint);
  if (!access) return { endpoint, label, ready: false, detail: `set endpoints.${endpoint}.baseUrl`, ...named };
  const { missing } = access;
  const known = { ...localOf(access.baseUrl), ...named };
  if (missing === undefined) return { endpoint, label, ready: true, ...markOf(access.key), ...known };
  return { endpoint, label, ready: false, detail: howToSet(missing), ...known };
}

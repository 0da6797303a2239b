/** The endpoints that speak the Messages API: where each is, and with which key. */
import type { Credential, EndpointStatus } from "@pincer/plugin-sdk/contracts/provider";
import { howToSet, localOf, markOf, PROFILE_SECRET, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import type { AnthropicConfig, Endpoint } from "./config.ts";

export interface Access {
  readonly endpoint: string;
  readonly baseUrl: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The name of the secret that is missing, where the request named one. */
  readonly missing: string | undefined;
}

/** What the vendor asks for beside the token of somebody who signed in. */
const SIGNED_IN = { "anthropic-beta": "oauth-2025-04-20" };

const HOME = "anthropic";
const HOME_URL = "https://api.anthropic.com";
const DEFAULT_MODEL = "claude-sonnet-5-5";

export const endpointNames = ({ endpoints }: AnthropicConfig): readonly string[] => [...new Set([HOME, ...Object.keys(endpoints)])];

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
  const own = set?.key ?? (home ? { secret: "ANTHROPIC_API_KEY" } : undefined);
  const named = credential === undefined ? own : { secret: credential.secret ?? PROFILE_SECRET };
  const key = typeof named === "object" ? await ctx.secret(named.secret) : named;
  return {
    endpoint,
    baseUrl: baseUrl.replace(/\/+(v1\/*)?$/, ""),
    key,
    headers: { ...set?.headers, ...(credential?.type === "oauth" ? SIGNED_IN : {}) },
    missing: key === undefined && credential !== undefined && typeof named === "object" ? named.secret : undefined,
  };
}

/** Another server may need no key; the vendor itself always does, and so does a request that names one. */
export const needsKey = ({ baseUrl, headers, key, missing }: Access): boolean =>
  missing !== undefined ||
  (key === undefined && baseUrl === HOME_URL && !Object.keys(headers).some((name) => /^(x-api-key|authorization)$/i.test(name)));

/** Of a request that `needsKey`: what is missing, and how to add it. */
export const keyDetail = ({ missing }: Access): string => howToSet(missing ?? "ANTHROPIC_API_KEY");

export async function statusOf(ctx: ProviderContext<AnthropicConfig>, endpoint: string): Promise<EndpointStatus> {
  const set = ctx.config.endpoints[endpoint];
  const label = endpoint === HOME ? "Anthropic" : endpoint;
  const defaultModel = set?.defaultModel ?? set?.models?.[0] ?? (endpoint === HOME ? DEFAULT_MODEL : undefined);
  const named = defaultModel === undefined ? {} : { defaultModel };
  const access = await accessTo(ctx, endpoint);
  if (!access) return { endpoint, label, ready: false, detail: `set endpoints.${endpoint}.baseUrl`, ...named };
  const asked = set?.key;
  const missing = typeof asked === "object" && access.key === undefined ? asked.secret : needsKey(access) ? "ANTHROPIC_API_KEY" : undefined;
  const known = { ...localOf(access.baseUrl), ...named };
  if (missing === undefined) return { endpoint, label, ready: true, ...markOf(access.key), ...known };
  return { endpoint, label, ready: false, detail: howToSet(missing), ...known };
}

/** OpenRouter under each of its names: where it is, with which key, and as whom we ask. */
import type { Credential } from "@pincer/plugin-sdk/contracts/provider";
import { findKey, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import type { Place } from "@pincer/plugin-sdk/provider/post";
import type { Endpoint, OpenRouterConfig } from "./config.ts";

export const OPENROUTER = "openrouter";
const HOME_URL = "https://openrouter.ai/api/v1";
const KEY = "OPENROUTER_API_KEY";

export interface Access extends Place {
  readonly endpoint: string;
  /** The name of the secret that is missing. */
  readonly missing: string | undefined;
  readonly settings: Endpoint;
}

export const labelOf = (endpoint: string): string => (endpoint === OPENROUTER ? "OpenRouter" : endpoint);

const attribution = ({ app: { title, url } }: OpenRouterConfig): Readonly<Record<string, string>> =>
  title === ""
    ? {}
    : { "x-openrouter-title": title, ...(url === undefined ? {} : { "http-referer": url, "x-openrouter-categories": "personal-agent" }) };

/** `undefined` when there is no such endpoint. `credential` is used instead of the endpoint's own key. */
export async function accessTo(
  ctx: ProviderContext<OpenRouterConfig>,
  endpoint: string,
  credential?: Credential,
): Promise<Access | undefined> {
  const known = ctx.config.endpoints[endpoint];
  if (!known && endpoint !== OPENROUTER) return undefined;
  const settings = known ?? {};
  const { key, secret } = await findKey(ctx, settings.key, [KEY], credential);
  return {
    endpoint,
    baseUrl: (settings.baseUrl ?? HOME_URL).replace(/\/+$/, ""),
    key,
    headers: { ...attribution(ctx.config), ...settings.headers },
    missing: key === undefined ? secret : undefined,
    settings,
  };
}

/** The endpoints that speak OpenAI's APIs: where each is, with which key, and in which dialect. */
import type { Credential } from "@pincer/plugin-sdk/contracts/provider";
import { findKey, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import type { Place } from "@pincer/plugin-sdk/provider/post";
import type { Endpoint, OpenAiConfig } from "./config.ts";

/** `vendor`: OpenAI itself. `server`: any other, which must be asked what it has. */
type EndpointKind = "vendor" | "server";

export interface Access extends Place {
  readonly endpoint: string;
  readonly kind: EndpointKind;
  readonly api: "chat" | "responses";
  /** The name of the secret that is missing. */
  readonly missing: string | undefined;
  readonly settings: Endpoint;
}

const HOME_URL = "https://api.openai.com/v1";
export const OPENAI = "openai";
export const labelOf = (endpoint: string): string => (endpoint === OPENAI ? "OpenAI" : endpoint);

/** By address: the operator's, and so few. */
const vendors = new Map<string, boolean>();
const isVendor = (baseUrl: string): boolean =>
  vendors.getOrInsertComputed(baseUrl, () => {
    const host = URL.parse(baseUrl)?.hostname ?? "";
    return host === "api.openai.com" || host.endsWith(".api.openai.com");
  });

async function placeOf(
  ctx: ProviderContext<OpenAiConfig>,
  endpoint: string,
  settings: Endpoint,
): Promise<{ baseUrl: string; secret?: string } | undefined> {
  if (endpoint === OPENAI) {
    const baseUrl = settings.baseUrl ?? (await ctx.secret("OPENAI_BASE_URL")) ?? HOME_URL;
    return { baseUrl, secret: "OPENAI_API_KEY" };
  }
  return settings.baseUrl === undefined ? undefined : { baseUrl: settings.baseUrl };
}

/** `undefined` when there is no such endpoint. `credential` is used instead of the endpoint's own key. */
export async function accessTo(ctx: ProviderContext<OpenAiConfig>, endpoint: string, credential?: Credential): Promise<Access | undefined> {
  const known = ctx.config.endpoints[endpoint];
  if (!known && endpoint !== OPENAI) return undefined;
  const settings = known ?? {};
  const place = await placeOf(ctx, endpoint, settings);
  if (!place) return undefined;
  const baseUrl = place.baseUrl.replace(/\/+$/, "");
  const kind = isVendor(baseUrl) ? "vendor" : "server";
  const { key, secret, isNamed } = await findKey(ctx, settings.key, place.secret === undefined ? [] : [place.secret], credential);
  return {
    endpoint,
    kind,
    api: settings.api ?? (kind === "vendor" ? "responses" : "chat"),
    baseUrl,
    key,
    headers: settings.headers,
    // A server of one's own may need no key, unless one was asked for by name.
    missing: key === undefined && (kind === "vendor" || isNamed) ? secret : undefined,
    settings,
  };
}

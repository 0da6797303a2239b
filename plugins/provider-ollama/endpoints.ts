/** The servers of Ollama: where each is, and with which key, if any. */
import type { Credential } from "@pincer/plugin-sdk/contracts/provider";
import { findKey, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import type { Place } from "@pincer/plugin-sdk/provider/post";
import type { Endpoint, OllamaConfig } from "./config.ts";
import { isOllamaCloud, ollamaOrigin } from "./host.ts";

export const OLLAMA = "ollama";

export interface Access extends Place {
  readonly endpoint: string;
  /** The name of the secret that is missing. */
  readonly missing: string | undefined;
  readonly settings: Endpoint;
}

export const labelOf = (endpoint: string): string => (endpoint === OLLAMA ? "Ollama" : endpoint);

/** `undefined` when there is no such endpoint. `credential` is used instead of the endpoint's own key. */
export async function accessTo(ctx: ProviderContext<OllamaConfig>, endpoint: string, credential?: Credential): Promise<Access | undefined> {
  const known = ctx.config.endpoints[endpoint];
  if (!known && endpoint !== OLLAMA) return undefined;
  const settings = known ?? {};
  const host = settings.baseUrl ?? (endpoint === OLLAMA ? ((await ctx.secret("OLLAMA_HOST")) ?? "") : undefined);
  if (host === undefined) return undefined;
  // Others of its APIs stand below /v1, which is easily copied along.
  const baseUrl = ollamaOrigin(host).replace(/\/v1$/, "");
  // A key of the environment is for the vendor's own service: no other server is shown it.
  const { key, secret } = await findKey(ctx, settings.key, isOllamaCloud(baseUrl) ? ["OLLAMA_API_KEY"] : [], credential);
  return { endpoint, baseUrl, key, headers: settings.headers, missing: key === undefined ? secret : undefined, settings };
}

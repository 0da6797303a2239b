/** The endpoints: where GitHub is, and with which of its tokens a session is asked for. */
import type { Credential, EndpointStatus } from "@pincer/plugin-sdk/contracts/provider";
import { findKey, howToSet, markOf, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import type { CopilotConfig, Endpoint } from "./config.ts";

export interface Access {
  readonly endpoint: string;
  readonly githubUrl: string;
  /** GitHub's own token; of no use at Copilot's API. */
  readonly token: string | undefined;
  /** The name of the secret that is missing. */
  readonly missing: string | undefined;
  readonly settings: Endpoint;
}

export const HOME = "copilot";
const HOME_URL = "https://api.github.com";
const TOKEN = "COPILOT_GITHUB_TOKEN";

/** `undefined` when there is no such endpoint. `credential` is used instead of the endpoint's own token. */
export async function accessTo(
  ctx: ProviderContext<CopilotConfig>,
  endpoint: string,
  credential?: Credential,
): Promise<Access | undefined> {
  const set = ctx.config.endpoints[endpoint];
  if (!set && endpoint !== HOME) return undefined;
  const settings = set ?? {};
  const { key: token, secret } = await findKey(ctx, settings.key, [TOKEN], credential);
  return {
    endpoint,
    githubUrl: (settings.githubUrl ?? HOME_URL).replace(/\/+$/, ""),
    token,
    missing: token === undefined ? secret : undefined,
    settings,
  };
}

/** What a token is missing for, and how to get one. */
export const lackOf = ({ endpoint, missing }: Access): string | undefined => {
  if (missing !== TOKEN) return missing === undefined ? undefined : howToSet(missing);
  const signIn = `sign in: pincer plugins enable failover, then pincer models auth login ${endpoint}:me`;
  return `${signIn}; or ${howToSet(TOKEN)}`;
};

export async function statusOf(
  ctx: ProviderContext<CopilotConfig>,
  endpoint: string,
  defaultModel: string | undefined,
): Promise<EndpointStatus> {
  const label = endpoint === HOME ? "GitHub Copilot" : endpoint;
  const access = (await accessTo(ctx, endpoint)) as Access;
  const { settings, token } = access;
  const wanted = settings.defaultModel ?? settings.models?.[0] ?? defaultModel;
  const named = wanted === undefined ? {} : { defaultModel: wanted };
  const detail = lackOf(access);
  if (detail !== undefined) return { endpoint, label, ready: false, detail, ...named };
  return { endpoint, label, ready: true, ...markOf(token), ...named };
}

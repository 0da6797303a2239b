/** The endpoints: where GitHub is, and with which of its tokens a session is asked for. */
import type { Credential, EndpointStatus } from "@pincer/plugin-sdk/contracts/provider";
import { howToSet, markOf, PROFILE_SECRET, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
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

const HOME = "copilot";
const HOME_URL = "https://api.github.com";
const TOKEN = "COPILOT_GITHUB_TOKEN";

export const endpointNames = ({ endpoints }: CopilotConfig): readonly string[] => [...new Set([HOME, ...Object.keys(endpoints)])];

/** `undefined` when there is no such endpoint. `credential` is used instead of the endpoint's own token. */
export async function accessTo(
  ctx: ProviderContext<CopilotConfig>,
  endpoint: string,
  credential?: Credential,
): Promise<Access | undefined> {
  const set = ctx.config.endpoints[endpoint];
  if (!set && endpoint !== HOME) return undefined;
  const settings = set ?? {};
  const own = settings.key ?? { secret: TOKEN };
  const given = credential === undefined ? own : { secret: credential.secret ?? PROFILE_SECRET };
  const token = typeof given === "object" ? await ctx.secret(given.secret) : given;
  return {
    endpoint,
    githubUrl: (settings.githubUrl ?? HOME_URL).replace(/\/+$/, ""),
    token,
    missing: token === undefined && typeof given === "object" ? given.secret : undefined,
    settings,
  };
}

/** Of an access whose token is `missing`. */
export const tokenDetail = ({ endpoint, missing = TOKEN }: Access): string =>
  missing === TOKEN ? `sign in: pincer models auth login ${endpoint}:me; or ${howToSet(TOKEN)}` : howToSet(missing);

export async function statusOf(
  ctx: ProviderContext<CopilotConfig>,
  endpoint: string,
  defaultModel: string | undefined,
): Promise<EndpointStatus> {
  const label = endpoint === HOME ? "GitHub Copilot" : endpoint;
  const access = (await accessTo(ctx, endpoint)) as Access;
  const { settings, token, missing } = access;
  const wanted = settings.defaultModel ?? settings.models?.[0] ?? defaultModel;
  const named = wanted === undefined ? {} : { defaultModel: wanted };
  if (missing !== undefined) return { endpoint, label, ready: false, detail: tokenDetail(access), ...named };
  return { endpoint, label, ready: true, ...markOf(token), ...named };
}

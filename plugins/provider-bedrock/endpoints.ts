/** The endpoints of Bedrock: in which region each is, at which address, and what its requests are signed with. */
import type { Credential, EndpointStatus } from "@pincer/plugin-sdk/contracts/provider";
import { howToSet, markOf, PROFILE_SECRET, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { type AwsFiles, awsFiles, profileIn } from "./aws-files.ts";
import type { BedrockConfig, Endpoint } from "./config.ts";

/** What a request is signed with. */
export type Signer =
  /** An API key of Bedrock, which goes as it is. */
  | { readonly by: "key"; readonly key: string }
  | { readonly by: "keys"; readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
  /** What AWS's own library finds, for a profile of AWS's own files or by its own chain. */
  | { readonly by: "profile"; readonly profile: string; readonly files: AwsFiles }
  | { readonly by: "chain"; readonly files: AwsFiles };

export interface Access {
  readonly endpoint: string;
  readonly region: string;
  readonly baseUrl: string;
  readonly listUrl: string;
  readonly signer: Signer;
  readonly headers: Readonly<Record<string, string>>;
  readonly guardrail: Endpoint["guardrail"];
  readonly missing?: undefined;
}

/** What is missing for a request to be made, in words for people. */
export interface Missing {
  readonly missing: string;
}

export const HOME = "bedrock";
const DEFAULT_MODEL = "global.anthropic.claude-sonnet-5";
const KEY = "AWS_BEARER_TOKEN_BEDROCK";

type Context = ProviderContext<BedrockConfig>;

/** `undefined` when there is no such endpoint. `credential` is used instead of the endpoint's own. */
export async function accessTo(ctx: Context, endpoint: string, credential?: Credential): Promise<Access | Missing | undefined> {
  const set: Endpoint | undefined = ctx.config.endpoints[endpoint];
  if (!set && endpoint !== HOME) return undefined;
  const signer = credential === undefined ? await ownSigner(ctx, set) : await namedSigner(ctx, credential);
  if ("missing" in signer) return signer;
  const region = set?.region ?? (await ctx.secret("AWS_REGION")) ?? (await ctx.secret("AWS_DEFAULT_REGION")) ?? (await regionOf(signer));
  if (region === undefined)
    return { missing: `no region: set AWS_REGION, or plugins.provider-bedrock.config.endpoints.${endpoint}.region` };
  const given = set?.baseUrl ?? (await ctx.secret("AWS_ENDPOINT_URL_BEDROCK_RUNTIME"));
  const list = set?.listUrl ?? (set?.baseUrl === undefined ? await ctx.secret("AWS_ENDPOINT_URL_BEDROCK") : undefined) ?? given;
  return {
    endpoint,
    region,
    baseUrl: plain(given ?? `https://bedrock-runtime.${region}.amazonaws.com`),
    listUrl: plain(list ?? `https://bedrock.${region}.amazonaws.com`),
    signer,
    headers: set?.headers ?? {},
    guardrail: set?.guardrail,
  };
}

const plain = (url: string) => url.replace(/\/+$/, "");

async function namedSigner(ctx: Context, { type, name, secret = PROFILE_SECRET }: Credential): Promise<Signer | Missing> {
  if (type === "aws-sdk") return name === undefined ? chain(ctx) : profile(ctx, name);
  const key = await ctx.secret(secret);
  return key === undefined ? { missing: `no key: ${howToSet(secret)}` } : { by: "key", key };
}

async function ownSigner(ctx: Context, set: Endpoint | undefined): Promise<Signer | Missing> {
  if (set?.key !== undefined) {
    const key = typeof set.key === "object" ? await ctx.secret(set.key.secret) : set.key;
    if (key !== undefined) return { by: "key", key };
    return { missing: `no key: ${howToSet(typeof set.key === "object" ? set.key.secret : KEY)}` };
  }
  if (set?.profile !== undefined) return profile(ctx, set.profile);
  if (set?.chain) return chain(ctx);
  const key = await ctx.secret(KEY);
  if (key !== undefined) return { by: "key", key };
  const accessKeyId = await ctx.secret("AWS_ACCESS_KEY_ID");
  const secretAccessKey = await ctx.secret("AWS_SECRET_ACCESS_KEY");
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const sessionToken = await ctx.secret("AWS_SESSION_TOKEN");
    return { by: "keys", accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  }
  const named = await ctx.secret("AWS_PROFILE");
  if (named !== undefined) return profile(ctx, named);
  const files = await filesOf(ctx);
  if (await profileIn(files, "default")) return { by: "profile", profile: "default", files };
  return { missing: `no credentials: ${howToSet(KEY)}; or use AWS's own files: pincer models auth add ${HOME}:work type=aws-sdk` };
}

const filesOf = (ctx: Context) => awsFiles(ctx.config.awsFolder, (name) => ctx.secret(name));
const chain = async (ctx: Context): Promise<Signer> => ({ by: "chain", files: await filesOf(ctx) });

async function profile(ctx: Context, name: string): Promise<Signer | Missing> {
  const files = await filesOf(ctx);
  if (await profileIn(files, name)) return { by: "profile", profile: name, files };
  const where = `${files.configFilepath} and ${files.filepath}`;
  return {
    missing: `no profile "${name}" in ${where}; in a process set plugins.provider-bedrock.config.awsFolder, or add it: aws configure`,
  };
}

async function regionOf(signer: Signer): Promise<string | undefined> {
  if (signer.by !== "profile" && signer.by !== "chain") return undefined;
  return (await profileIn(signer.files, signer.by === "profile" ? signer.profile : "default"))?.region;
}

export async function statusOf(ctx: Context, endpoint: string): Promise<EndpointStatus> {
  const set = ctx.config.endpoints[endpoint];
  const label = endpoint === HOME ? "Amazon Bedrock" : endpoint;
  const defaultModel = set?.defaultModel ?? set?.models?.[0] ?? DEFAULT_MODEL;
  const access = await accessTo(ctx, endpoint);
  if (!access) return { endpoint, label, ready: false, detail: `there is no endpoint "${endpoint}" here`, defaultModel };
  if (access.missing !== undefined) return { endpoint, label, ready: false, detail: access.missing, defaultModel };
  return { endpoint, label, ready: true, ...markOf(JSON.stringify(access.signer)), defaultModel };
}

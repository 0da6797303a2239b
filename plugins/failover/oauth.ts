/** Tokens of somebody who signed in: a device code at the beginning (RFC 8628), a refresh token from then on (RFC 6749, section 6). */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { networkFailure, plainMessage } from "@pincer/plugin-sdk/provider/failure";
import { spokenForms, withoutForms } from "@pincer/plugin-sdk/provider/spoken-forms";
import { type Fetch, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OAuthSettings } from "./config.ts";
import { failoverErrors } from "./errors.ts";
import type { Token } from "./profiles.ts";

export interface OAuthContext {
  readonly clock: Clock;
  readonly fetch: Fetch;
  secret(name: string): Promise<string | undefined>;
}

export interface DeviceCode {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete?: string;
  readonly expiresAt: number;
  readonly intervalMs: number;
}

/** `refused`: the token is of no use any more; otherwise it may work the next time. */
type Refreshed = { readonly token: Token } | { readonly refused: boolean; readonly message: string };

type Fields = Readonly<Record<string, unknown>>;
interface Reply {
  readonly ok: boolean;
  readonly status: number;
  readonly fields: Fields;
  /** What it was asked with, which a server may say back. */
  readonly confidential: readonly string[];
}

const TIMEOUT_MS = 30_000;
/** What a server says of times is taken within these bounds: a timer's end, and nobody's server asked without a pause. */
const [SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS] = [1_000, 60_000];
const LONGEST_CODE_MS = 3_600_000;
const LONGEST_TOKEN_MS = 10 * 365 * 86_400_000;
const text = (fields: Fields, name: string): string | undefined => {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value : undefined;
};
const seconds = (fields: Fields, name: string): number | undefined => {
  const value = Number(fields[name]);
  return Number.isFinite(value) && value > 0 ? Math.round(value * 1_000) : undefined;
};
const intervalWithin = (ms: number): number => Math.min(Math.max(SHORTEST_INTERVAL_MS, ms), LONGEST_INTERVAL_MS);
const wordOf = ({ status, fields, confidential }: Reply): string =>
  plainMessage(withoutForms(text(fields, "error_description") ?? text(fields, "error") ?? `the answer was ${status}`, confidential));

async function post(
  ctx: OAuthContext,
  url: string,
  settings: OAuthSettings,
  fields: Record<string, string>,
  signal: AbortSignal,
): Promise<Reply> {
  const { clock, fetch } = ctx;
  const given = settings.clientSecret;
  const clientSecret = typeof given === "object" ? await ctx.secret(given.secret) : given;
  const confidential = [clientSecret, fields["refresh_token"], fields["device_code"]].flatMap((secret = "") => spokenForms(secret));
  using watch = watchRequest({ clock, idleMs: TIMEOUT_MS, longestMs: TIMEOUT_MS, mostBytes: 1_048_576, signal, fetch });
  const response = await watch.fetch(url, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({
      client_id: settings.clientId,
      ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
      ...fields,
    }),
    signal: watch.signal,
  });
  const body = await response.text();
  const { ok, status } = response;
  try {
    const parsed: unknown = JSON.parse(body);
    return { ok, status, fields: typeof parsed === "object" && parsed !== null ? (parsed as Fields) : {}, confidential };
  } catch {
    return { ok: false, status, fields: { error_description: body.slice(0, 200) }, confidential }; // silent-ok: told by what came instead
  }
}

function tokenOf(fields: Fields, now: number): Token | undefined {
  const value = text(fields, "access_token");
  if (value === undefined) return undefined;
  const ms = seconds(fields, "expires_in");
  return {
    value,
    refreshToken: text(fields, "refresh_token"),
    ...(ms === undefined ? {} : { expiresAt: now + Math.min(ms, LONGEST_TOKEN_MS) }),
  };
}

export async function refreshToken(ctx: OAuthContext, settings: OAuthSettings, token: string, signal: AbortSignal): Promise<Refreshed> {
  try {
    const reply = await post(ctx, settings.tokenUrl, settings, { grant_type: "refresh_token", refresh_token: token }, signal);
    const next = reply.ok ? tokenOf(reply.fields, ctx.clock.now()) : undefined;
    if (next) return { token: next };
    return { refused: reply.status >= 400 && reply.status < 500 && reply.status !== 429, message: wordOf(reply) };
  } catch (error) {
    signal.throwIfAborted();
    return { refused: false, message: `${settings.tokenUrl}: ${plainMessage(errorMessage(error))}` };
  }
}

/** Throws `FAILOVER_SIGN_IN`. */
export async function askDeviceCode(ctx: OAuthContext, settings: OAuthSettings, signal: AbortSignal): Promise<DeviceCode> {
  const { deviceUrl, scopes } = settings;
  if (deviceUrl === undefined)
    throw failoverErrors.FAILOVER_SIGN_IN("nobody can sign in there: its settings under failover.oauth have no deviceUrl");
  const asked: Record<string, string> = scopes.length === 0 ? {} : { scope: scopes.join(" ") };
  const reply = await post(ctx, deviceUrl, settings, asked, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw failoverErrors.FAILOVER_SIGN_IN(`no device code could be had: ${networkFailure(error, deviceUrl).message}`);
  });
  const { fields } = reply;
  const [deviceCode, userCode] = [text(fields, "device_code"), text(fields, "user_code")];
  const verificationUri = text(fields, "verification_uri") ?? text(fields, "verification_url");
  if (!reply.ok || deviceCode === undefined || userCode === undefined || verificationUri === undefined) {
    throw failoverErrors.FAILOVER_SIGN_IN(`${deviceUrl} gave no device code: ${wordOf(reply)}`);
  }
  const complete = text(fields, "verification_uri_complete");
  return {
    ...{ deviceCode, userCode, verificationUri },
    ...(complete === undefined ? {} : { verificationUriComplete: complete }),
    expiresAt: ctx.clock.now() + Math.min(seconds(fields, "expires_in") ?? 900_000, LONGEST_CODE_MS),
    intervalMs: intervalWithin(seconds(fields, "interval") ?? 5_000),
  };
}

/** Resolves once somebody has signed in with the code. Throws `FAILOVER_SIGN_IN`. */
export async function awaitDevice(ctx: OAuthContext, settings: OAuthSettings, code: DeviceCode, signal: AbortSignal): Promise<Token> {
  const { clock } = ctx;
  let { intervalMs } = code;
  let lost = "";
  for (;;) {
    await clock.sleep(intervalMs, signal);
    if (clock.now() >= code.expiresAt) throw failoverErrors.FAILOVER_SIGN_IN(`the code has expired; begin again${lost}`);
    const asked = { grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code: code.deviceCode };
    const reply = await post(ctx, settings.tokenUrl, settings, asked, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      if (isGatewayError(error)) throw error;
      // Until the code ends it is asked again.
      lost = ` (${networkFailure(error, settings.tokenUrl).message})`;
      return undefined;
    });
    if (!reply) continue;
    const token = reply.ok ? tokenOf(reply.fields, clock.now()) : undefined;
    if (token) return token;
    const word = text(reply.fields, "error");
    if (word === "slow_down") intervalMs = intervalWithin(intervalMs + 5_000);
    else if (word !== "authorization_pending" && reply.status < 500)
      throw failoverErrors.FAILOVER_SIGN_IN(`the sign-in was refused: ${wordOf(reply)}`);
  }
}

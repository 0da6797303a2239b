/** What Slack answers instead, in the codes that delivery acts on (docs.slack.dev/apis/web-api, and the errors that each method lists). */
import { loginRequired, rejected } from "@pincer/plugin-sdk/channel/trouble";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { WebAPIPlatformError, WebAPIRequestError } from "@slack/web-api";
import { type CredentialName, howToGet } from "./config.ts";

const errorOf = (error: unknown): string | undefined => (error instanceof WebAPIPlatformError ? error.data.error : undefined);
const isOneOf = (error: unknown, ...codes: readonly string[]): boolean => codes.includes(errorOf(error) ?? "");

export const isGone = (error: unknown): boolean => isOneOf(error, "message_not_found", "file_not_found", "file_deleted");
export const isReacted = (error: unknown): boolean => isOneOf(error, "already_reacted", "no_reaction");
/** Nothing can be read there: it is gone, the bot is not in it, or it may not read such places. */
export const isClosed = (error: unknown): boolean =>
  isOneOf(
    error,
    "channel_not_found",
    "not_in_channel",
    "thread_not_found",
    "is_archived",
    "missing_scope",
    "access_denied",
    "team_not_found",
  );
/** The bot may not write there, as far as Slack says where it is. */
export const isNoMember = (error: unknown): boolean => isOneOf(error, "channel_not_found", "not_in_channel");
export const isMissingScope = (error: unknown): boolean => isOneOf(error, "missing_scope");

const refusedLogins = new Set([
  "invalid_auth",
  "not_authed",
  "account_inactive",
  "token_revoked",
  "token_expired",
  "not_allowed_token_type",
  "user_removed_from_team",
  "team_access_not_granted",
]);
/** Slack did not begin. */
const unbegun = new Set(["service_unavailable", "accesslimited", "team_added_to_org", "request_timeout", "external_channel_migrating"]);
/** Slack says itself that a part may have been done. */
const unknown = new Set(["fatal_error", "internal_error"]);

const hints: Readonly<Record<string, string>> = {
  channel_not_found: "it is gone, or the bot is not in it: /invite the bot there",
  not_in_channel: "write /invite and the bot's name in that channel",
  is_archived: "the channel is archived",
  restricted_action: "the workspace's settings do not let the bot write there",
  msg_too_long: "it is longer than Slack takes",
  messages_tab_disabled: "turn on the Messages Tab (your app, App Home)",
};

interface Where {
  /** Repeating the call does no harm. */
  readonly isSafe: boolean;
  /** What Slack was shown. */
  readonly credential: CredentialName;
  /** The secret that holds it. */
  readonly secret: string | undefined;
}

/** `error` is what a call of the SDK threw. Neither a token nor what was sent stands in the result. */
export function failureOf(error: unknown, { isSafe, credential, secret }: Where): unknown {
  // What the transport threw, in codes of ours already.
  if (error instanceof WebAPIRequestError) return error.original;
  if (isGatewayError(error) || !(error instanceof WebAPIPlatformError)) return error;
  const { data } = error;
  const code = data.error.slice(0, 200);
  const said = `Slack says: ${code}`;
  if (code === "ratelimited" || code === "rate_limited") {
    return channelErrors.CHANNEL_RATE_LIMITED(said, { retryAfterMs: Math.max(1, data.response_metadata?.retryAfter ?? 1) * 1000 });
  }
  if (refusedLogins.has(code)) {
    const which = { token: "bot token", appToken: "app-level token", signingSecret: "signing secret" }[credential];
    return loginRequired(`Slack does not accept the ${which} (${code})`, howToGet(credential, secret));
  }
  if (unbegun.has(code)) return channelErrors.CHANNEL_UNAVAILABLE(said);
  if (unknown.has(code)) return isSafe ? channelErrors.CHANNEL_UNAVAILABLE(said) : channelErrors.CHANNEL_UNCERTAIN(said);
  const hint = code === "missing_scope" ? missingScope(data) : hints[code];
  if (hint !== undefined) return rejected(said, hint);
  const why = data.response_metadata?.messages?.join("; ").slice(0, 300);
  return channelErrors.CHANNEL_REJECTED(why === undefined || why === "" ? said : `${said} (${why})`);
}

function missingScope(data: object): string {
  const needed = (data as { readonly needed?: unknown }).needed;
  return howToAdd(typeof needed === "string" ? needed.split(",") : []);
}

export const howToAdd = (scopes: readonly string[]): string =>
  `add ${scopes.length === 0 ? "the scope" : `the scope${scopes.length > 1 ? "s" : ""} ${scopes.join(", ")}`} (https://api.slack.com/apps, your app, OAuth & Permissions), and install the app again`;

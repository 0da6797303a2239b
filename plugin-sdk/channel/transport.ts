/** What a request that came to no answer means to whoever sends: whether the platform can have heard of it. */
import { channelErrors } from "../contracts/channel.ts";
import { isGatewayError } from "../error.ts";

/** Of the system and of TLS, from before a request's first byte has left. */
const unsent = new Set([
  "ECONNREFUSED",
  "ConnectionRefused",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "FailedToOpenSocket",
  "EPROTO",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/**
 * `CHANNEL_UNAVAILABLE` when nothing can have been sent, or repeating it does no harm (`isSafe`), else `CHANNEL_UNCERTAIN`. An error of ours is
 * handed on. The cause is not kept: it names the address, in which some platforms want their token.
 */
export function failedRequest(error: unknown, host: string, isSafe: boolean): Error {
  if (isGatewayError(error)) return error;
  const code = (error as { readonly code?: unknown } | null)?.code;
  const how = typeof code === "string" ? ` (${code})` : "";
  if (typeof code === "string" && unsent.has(code)) return channelErrors.CHANNEL_UNAVAILABLE(`${host} cannot be reached${how}`);
  if (isSafe) return channelErrors.CHANNEL_UNAVAILABLE(`the connection to ${host} broke${how}`);
  return channelErrors.CHANNEL_UNCERTAIN(`the connection to ${host} broke before it answered${how}`);
}

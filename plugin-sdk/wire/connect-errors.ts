/** Why a `connect` is refused (`protocol` section 1.9), with the details by which clients decide what to try next. */
import { defineErrors, type GatewayError } from "../error.ts";
import type { WireScope } from "../method.ts";

const wire = "INVALID_REQUEST";
const authErrors = defineErrors({
  AUTH_UNAUTHORIZED: { wire, message: "unauthorized: auth mode none admits loopback and private addresses alone; set a token or password" },
  AUTH_TOKEN_MISSING: { wire, message: "unauthorized: gateway token missing; send what is in the gateway's token file as auth.token" },
  AUTH_TOKEN_MISMATCH: {
    wire,
    message: "unauthorized: gateway token mismatch; expected what is in the gateway's token file or configuration",
  },
  AUTH_TOKEN_NOT_CONFIGURED: { wire, message: "unauthorized: gateway token not configured; the auth mode is token, so set auth.token" },
  AUTH_PASSWORD_MISSING: { wire, message: "unauthorized: gateway password missing; send it as auth.password" },
  AUTH_PASSWORD_MISMATCH: { wire, message: "unauthorized: gateway password mismatch; expected the one in the gateway's configuration" },
  AUTH_PASSWORD_NOT_CONFIGURED: {
    wire,
    message: "unauthorized: gateway password not configured; the auth mode is password, so set auth.password",
  },
  AUTH_BOOTSTRAP_TOKEN_INVALID: {
    wire,
    message: "unauthorized: bootstrap token invalid or expired; it works once, so ask for a new link or code",
  },
  AUTH_DEVICE_TOKEN_MISMATCH: {
    wire,
    message: "unauthorized: device token mismatch; it was rotated or revoked, so connect with the shared secret",
  },
  AUTH_SCOPE_MISMATCH: { wire, message: "unauthorized: the device token does not hold every scope that was asked for" },
  AUTH_RATE_LIMITED: { wire, message: "unauthorized: too many failed authentication attempts; retry later", retryable: true },
});
export type AuthCode = keyof typeof authErrors;

export const connectErrors = defineErrors({
  ACCESS_ROLE_INVALID: { wire, message: "invalid role" },
  CONTROL_UI_ORIGIN_NOT_ALLOWED: { wire, message: "origin not allowed" },
  CONTROL_UI_DEVICE_IDENTITY_REQUIRED: {
    wire,
    message: "control ui requires device identity; open the page by https or on localhost, where the browser can keep a key",
  },
  DEVICE_IDENTITY_REQUIRED: { wire: "NOT_PAIRED", message: "device identity required; sign the challenge with the device's key" },
  PAIRING_REQUIRED: { wire: "NOT_PAIRED", message: "pairing required" },
});

const deviceErrors = defineErrors({
  DEVICE_AUTH_PUBLIC_KEY_INVALID: { wire, message: "device public key invalid" },
  DEVICE_AUTH_DEVICE_ID_MISMATCH: { wire, message: "device identity mismatch" },
  DEVICE_AUTH_SIGNATURE_EXPIRED: { wire, message: "device signature expired" },
  DEVICE_AUTH_NONCE_REQUIRED: { wire, message: "device nonce required" },
  DEVICE_AUTH_NONCE_MISMATCH: { wire, message: "device nonce mismatch" },
  DEVICE_AUTH_SIGNATURE_INVALID: { wire, message: "device signature invalid" },
});
const deviceReasons = {
  DEVICE_AUTH_PUBLIC_KEY_INVALID: "device-public-key",
  DEVICE_AUTH_DEVICE_ID_MISMATCH: "device-id-mismatch",
  DEVICE_AUTH_SIGNATURE_EXPIRED: "device-signature-stale",
  DEVICE_AUTH_NONCE_REQUIRED: "device-nonce-missing",
  DEVICE_AUTH_NONCE_MISMATCH: "device-nonce-mismatch",
  DEVICE_AUTH_SIGNATURE_INVALID: "device-signature",
} as const;

export const deviceError = (code: keyof typeof deviceErrors, hint: string): GatewayError =>
  deviceErrors[code](`${deviceErrors[code]().message}: ${hint}`, { data: { reason: deviceReasons[code] } });

/** A guess at a credential, as opposed to a connect that came without one or asked for too much. */
const isGuess = (code: string): boolean => /^AUTH_\w+_(MISMATCH|INVALID)$/.test(code) && code !== "AUTH_SCOPE_MISMATCH";

function nextStep(code: AuthCode): string {
  if (code === "AUTH_RATE_LIMITED") return "wait_then_retry";
  if (code.endsWith("_MISSING")) return "update_auth_configuration";
  return isGuess(code) ? "update_auth_credentials" : "review_auth_configuration";
}

interface AuthDetails {
  readonly canRetryWithDeviceToken?: boolean;
  readonly retryAfterMs?: number;
  readonly [detail: string]: unknown;
}

export function authError(code: AuthCode, { canRetryWithDeviceToken = false, retryAfterMs, ...more }: AuthDetails = {}): GatewayError {
  const authReason = code.slice("AUTH_".length).toLowerCase().replace("not_configured", "missing_config");
  const recommendedNextStep = canRetryWithDeviceToken ? "retry_with_device_token" : nextStep(code);
  const data = { authReason, canRetryWithDeviceToken, recommendedNextStep, ...more };
  return authErrors[code](undefined, retryAfterMs === undefined ? { data } : { data, retryAfterMs });
}

const pairingReasons = {
  "not-paired": ["device is not approved yet", "Approve this device from the pending pairing requests."],
  "role-upgrade": ["device is asking for a higher role than currently approved", "Review the requested role, then approve the request."],
  "scope-upgrade": ["device is asking for more scopes than currently approved", "Review the requested scopes, then approve the request."],
  "metadata-upgrade": ["device identity changed and must be re-approved", "Review the device's new details, then approve the request."],
} as const;
export type PairingReason = keyof typeof pairingReasons;

interface PairingDetails {
  readonly requestId: string;
  readonly deviceId: string;
  readonly requestedRole: string;
  readonly requestedScopes: readonly WireScope[];
  readonly approvedRoles: readonly string[];
  readonly approvedScopes: readonly WireScope[];
}

export function pairingError(reason: PairingReason, details: PairingDetails): GatewayError {
  const [requirement, remediationHint] = pairingReasons[reason];
  // A headless node waits for its approval by itself; at an operator's client a person is told, and decides when to try again.
  const waits = details.requestedRole === "node";
  return connectErrors.PAIRING_REQUIRED(`pairing required: ${requirement} (requestId: ${details.requestId})`, {
    data: {
      ...{ reason, ...details, remediationHint, retryable: waits, pauseReconnect: !waits },
      ...(waits ? { recommendedNextStep: "wait_then_retry" } : {}),
    },
  });
}

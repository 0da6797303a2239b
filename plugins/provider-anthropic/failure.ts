/** Errors of the client library in the classes of the `provider` contract. */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { httpFailure, networkFailure, plainMessage } from "@pincer/plugin-sdk/provider/failure";

/** What the library's `APIError` carries; told by its parts, since there may be more than one copy of the class. */
interface ApiError {
  readonly status?: number;
  readonly headers?: Headers;
  readonly type?: string | null;
  readonly errorCode?: string | null;
  readonly apiMessage?: string | null;
}

const CODES: Readonly<Record<string, FailureClass>> = {
  contract_spend_limit_reached: "billing",
  enforced_spend_limit_reached: "billing",
  linked_organization_spend_limit_reached: "billing",
  linked_organization_billing_unavailable: "billing",
  organization_on_hold: "auth",
};
const TYPES: Readonly<Record<string, FailureClass>> = {
  authentication_error: "auth",
  permission_error: "auth",
  billing_error: "billing",
  rate_limit_error: "rate-limit",
  overloaded_error: "overloaded",
  timeout_error: "timeout",
  api_error: "network",
};

/** What the vendor reports in the middle of a stream, as the library's errors carry it. */
export function streamError(data: string): Error {
  const { error } = JSON.parse(data) as { readonly error?: { type?: string; message?: string; details?: { error_code?: string } } };
  const apiMessage = error?.message ?? data;
  return Object.assign(new Error(apiMessage), { type: error?.type ?? "api_error", apiMessage, errorCode: error?.details?.error_code });
}

export function failureOf(error: unknown, where: string, now: number): ModelFailure {
  const { status, headers, type, errorCode, apiMessage } = (typeof error === "object" && error !== null ? error : {}) as ApiError;
  const message = plainMessage(apiMessage ?? errorMessage(error));
  const known = CODES[errorCode ?? ""];
  if (status !== undefined) return httpFailure(status, message, { class: known, headers, now });
  // An error event inside a stream has a type and no status.
  if (type) return { class: known ?? TYPES[type] ?? "bad-request", message };
  return networkFailure(error, where);
}

/** Errors of the Messages API in the classes of the `provider` contract. */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { apiErrorOf, type Told } from "@pincer/plugin-sdk/provider/api-failure";
import { httpFailure, networkFailure, plainMessage } from "@pincer/plugin-sdk/provider/failure";

/** What the vendor tells, in an answer's body or inside a stream. */
interface VendorError extends Told {
  readonly type?: unknown;
  readonly details?: { readonly error_code?: unknown } | null;
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
const classIn = (table: Readonly<Record<string, FailureClass>>, name: unknown): FailureClass | undefined =>
  typeof name === "string" && Object.hasOwn(table, name) ? table[name] : undefined;

export function failureOf(error: unknown, where: string, now: number): ModelFailure {
  const { status, headers, error: told } = apiErrorOf(error);
  if (told === undefined) return networkFailure(error, where);
  const { type = "api_error", details } = told as VendorError;
  const known = classIn(CODES, details?.error_code);
  const message = errorMessage(error);
  if (status !== undefined) return httpFailure(status, message, { class: known, headers, now });
  return { class: known ?? classIn(TYPES, type) ?? "bad-request", message: plainMessage(message) };
}

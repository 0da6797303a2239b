/** What servers answer instead, and what they report inside a stream, in the classes of the `provider` contract. */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { classOfStatus, classOfWords, httpFailure, networkFailure, plainMessage } from "@pincer/plugin-sdk/provider/failure";

/** What `post` throws for an answer that is none. */
interface ApiError {
  readonly status?: number;
  readonly headers?: Headers;
  /** A word of the vendor's, or a number in the errors of some proxies. */
  readonly code?: string | number | null;
  readonly param?: string | null;
  readonly error?: { readonly message?: unknown };
}

const CODES: Readonly<Record<string, FailureClass>> = {
  insufficient_quota: "billing",
  billing_hard_limit_reached: "billing",
  billing_not_active: "billing",
  context_length_exceeded: "context-overflow",
  rate_limit_exceeded: "rate-limit",
  invalid_api_key: "auth",
  server_error: "network",
  server_overloaded: "overloaded",
  content_filter: "refusal",
  content_policy_violation: "refusal",
  bio_policy: "refusal",
  misalignment_policy_violation: "refusal",
};

const classOfCode = (code: string | number | null | undefined): FailureClass | undefined => {
  if (typeof code === "number") return classOfStatus(code);
  if (!code) return undefined;
  return CODES[code] ?? (/image/.test(code) ? "image" : undefined);
};

/** A failure that the vendor tells inside a stream. */
export const streamFailure = (code: string | number | null | undefined, message: string): ModelFailure => ({
  class: classOfCode(code) ?? classOfWords(message) ?? "unknown",
  message: plainMessage(message),
});

export function failureOf(error: unknown, where: string, now: number): ModelFailure {
  const { status, headers, code, error: body } = (typeof error === "object" && error !== null ? error : {}) as ApiError;
  const message = typeof body?.message === "string" ? body.message : errorMessage(error);
  if (typeof status === "number") return httpFailure(status, message, { class: classOfCode(code), headers, now });
  if (body !== undefined) return streamFailure(code, message);
  return networkFailure(error, where);
}

/** An organisation that the vendor has not verified may use the model, but not read summaries of its thinking. */
export const refusesSummaries = (error: unknown): boolean => {
  const { status, param } = (typeof error === "object" && error !== null ? error : {}) as ApiError;
  return status === 400 && param === "reasoning.summary";
};

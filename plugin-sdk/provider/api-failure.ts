/** What servers of OpenAI's API answer instead, and what they report inside a stream, in the classes of the `provider` contract. */
import type { FailureClass, ModelFailure } from "../contracts/provider.ts";
import { errorMessage } from "../error.ts";
import { classOfStatus, classOfWords, httpFailure, networkFailure, plainMessage } from "./failure.ts";

/** What a server says in an error's body, or in an event of its stream. */
export interface Told {
  readonly message?: unknown;
  /** A word of the vendor's, or a number in the errors of some proxies. */
  readonly code?: string | number | null;
  readonly param?: string | null;
  /** A router's. */
  readonly metadata?: unknown;
}

/** What is thrown for an answer that is none; without a status it came inside a stream. */
export interface ApiError {
  readonly status?: number;
  readonly headers?: Headers;
  readonly error?: Told;
}

export const apiError = (told: Told, more: Pick<ApiError, "status" | "headers"> = {}): Error =>
  Object.assign(new Error(String(told.message ?? "")), { ...more, error: told });

/** The parts of an error that `apiError` made; of any other none. */
export const apiErrorOf = (error: unknown): ApiError => (typeof error === "object" && error !== null ? error : {}) as ApiError;

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

const classOfCode = (code: Told["code"]): FailureClass | undefined => {
  if (typeof code === "number") return classOfStatus(code);
  if (!code) return undefined;
  return CODES[code] ?? (/image/.test(code) ? "image" : undefined);
};

/** A failure that the vendor tells inside a stream. */
export const streamFailure = (code: Told["code"], message: string): ModelFailure => ({
  class: classOfCode(code) ?? classOfWords(message) ?? "unknown",
  message: plainMessage(message),
});

export function failureOf(error: unknown, where: string, now: number): ModelFailure {
  const { status, headers, error: told } = apiErrorOf(error);
  const message = typeof told?.message === "string" ? told.message : errorMessage(error);
  if (typeof status === "number") {
    const known = typeof told?.code === "string" ? classOfCode(told.code) : undefined;
    return httpFailure(status, message, { class: known, headers, now });
  }
  return told === undefined ? networkFailure(error, where) : streamFailure(told.code, message);
}

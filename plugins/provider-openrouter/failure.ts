/** What OpenRouter answers instead, and what it reports inside a stream: its own words for what went wrong decide. */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { apiErrorOf, failureOf, type Told } from "@pincer/plugin-sdk/provider/api-failure";
import { classOfStatus, plainMessage, waitOf } from "@pincer/plugin-sdk/provider/failure";

const TYPES: Readonly<Record<string, FailureClass>> = {
  context_length_exceeded: "context-overflow",
  string_too_long: "context-overflow",
  token_limit_exceeded: "billing",
  authentication: "auth",
  permission_denied: "auth",
  payment_required: "billing",
  rate_limit_exceeded: "rate-limit",
  provider_overloaded: "overloaded",
  provider_unavailable: "network",
  content_policy_violation: "refusal",
  refusal: "refusal",
  invalid_image: "image",
  image_too_large: "image",
  image_too_small: "image",
  unsupported_image_format: "image",
  image_not_found: "image",
  image_download_failed: "image",
  server: "network",
  timeout: "timeout",
};

interface RouterError extends Told {
  readonly error_type?: unknown;
  readonly http_status?: unknown;
  readonly availability?: { readonly code?: unknown; readonly retry_after?: unknown; readonly fallback_models?: unknown } | null;
  readonly metadata?: {
    readonly error_type?: unknown;
    /** Of a text that was flagged, and of one that a guardrail stopped. */
    readonly reasons?: unknown;
    readonly patterns?: unknown;
    /** Whose answer it was, and what it said. */
    readonly provider_name?: unknown;
    readonly raw?: unknown;
  } | null;
}

const textsIn = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter((one) => typeof one === "string") : []);
const isFlagged = ({ metadata }: RouterError): boolean => Array.isArray(metadata?.reasons) || Array.isArray(metadata?.patterns);

function classOf(told: RouterError, status: number | undefined, headers: Headers | undefined): FailureClass | undefined {
  const { metadata, availability } = told;
  const number = [status, told.http_status, told.code].find((one): one is number => typeof one === "number" && one >= 400);
  if (isFlagged(told)) return "refusal";
  // Nothing is wrong with the key: the model is not for this country.
  if (availability?.code === "region_restricted") return "bad-request";
  // What is under way already has used up what may be spent at once: that passes.
  if (number === 402 && headers?.has("retry-after")) return "rate-limit";
  const type = metadata?.error_type ?? told.error_type;
  const typed = typeof type === "string" ? TYPES[type] : undefined;
  return typed ?? (status === undefined && number !== undefined ? classOfStatus(number) : undefined);
}

/** What people are told: the router's sentence, and what it adds to it. */
function messageOf(said: string, { metadata, availability }: RouterError): string {
  const { provider_name: provider, raw } = metadata ?? {};
  const reasons = [...textsIn(metadata?.reasons), ...textsIn(metadata?.patterns)];
  const others = textsIn(availability?.fallback_models);
  const whole = [
    said,
    ...(reasons.length === 0 ? [] : [`(${reasons.join(", ")})`]),
    ...(typeof provider === "string" ? [`from ${provider}${typeof raw === "string" && raw !== said ? `: ${raw}` : ""}`] : []),
    ...(others.length === 0 ? [] : [`(it suggests ${others.join(", ")})`]),
  ];
  return plainMessage(whole.join(" "));
}

export function routerFailure(error: unknown, where: string, now: number): ModelFailure {
  const plain = failureOf(error, where, now);
  const { status, headers, error: told } = apiErrorOf(error);
  if (told === undefined) return plain;
  const router = told as RouterError;
  const { retry_after: seconds } = router.availability ?? {};
  const wait = plain.retryAfterMs ?? (typeof seconds === "number" ? waitOf(seconds * 1000) : undefined);
  return {
    ...plain,
    class: classOf(router, status, headers) ?? plain.class,
    message: messageOf(plain.message, router),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}

/** Errors in the shapes of OpenAI's API, whatever went wrong behind it. */
import { budgetRefusals } from "@pincer/plugin-sdk/contracts/budgets";
import type { ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { type GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";

/** Every code that an error has here, and the status that it comes with; `docs/openai-api.md` says what each means. */
export const STATUSES = {
  invalid_value: 400,
  missing_required_parameter: 400,
  unsupported_parameter: 400,
  invalid_base64: 400,
  unsupported_file: 400,
  file_too_large: 400,
  input_too_large: 400,
  invalid_image: 400,
  invalid_image_url: 400,
  item_not_found: 400,
  previous_response_not_found: 400,
  context_length_exceeded: 400,
  content_policy_violation: 400,
  llm_document_unreadable: 400,
  session_key_invalid: 400,
  invalid_request: 400,
  missing_scope: 403,
  no_model_admitted: 403,
  llm_model_excluded: 403,
  llm_call_refused: 403,
  forbidden: 403,
  unknown_url: 404,
  model_not_found: 404,
  response_not_found: 404,
  method_not_supported: 405,
  rate_limit_exceeded: 429,
  insufficient_quota: 429,
  internal_error: 500,
  embeddings_unavailable: 501,
  provider_auth_failed: 502,
  provider_failed: 502,
  llm_provider_not_ready: 503,
  overloaded: 503,
  exhausted: 503,
  unavailable: 503,
  timeout: 504,
} as const;
export type Code = keyof typeof STATUSES;

export interface ErrorBody {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  /** Null for a request that is wrong in no way that has a name. */
  readonly code: Code | null;
  /** For clients of the gateway, which know its codes. */
  readonly details?: Readonly<Record<string, unknown>>;
}

interface More {
  readonly type?: string;
  readonly param?: string | null;
  readonly details?: ErrorBody["details"];
  readonly headers?: Readonly<Record<string, string>>;
}

export class ApiFailure extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: Code | null, message: string, { type, param = null, details, headers = {} }: More = {}) {
    super(message);
    this.status = code === null ? 400 : STATUSES[code];
    this.body = {
      message,
      type: type ?? (this.status < 500 ? "invalid_request_error" : "api_error"),
      param,
      code,
      ...(details === undefined ? {} : { details }),
    };
    this.headers = headers;
  }

  get response(): Response {
    return Response.json({ error: this.body }, { status: this.status, headers: this.headers });
  }
}

export const badRequest = (message: string, param?: string, code: Code | null = null): ApiFailure =>
  new ApiFailure(code, message, param === undefined ? {} : { param });

export const unsupported = (param: string, why: string): ApiFailure =>
  badRequest(`Unsupported parameter: '${param}': ${why}`, param, "unsupported_parameter");

/** A file that is named by an id, where none are kept. */
export const unkept = (param: string, instead: string): ApiFailure =>
  unsupported(param, `files are not kept here and have no ids (there is no /v1/files); send the file itself in '${instead}'`);

export const modelNotFound = (message: string): ApiFailure => new ApiFailure("model_not_found", message);

/** What the selector refuses, in its words. */
export const noModelAdmitted = (message: string): ApiFailure => new ApiFailure("no_model_admitted", message, { type: "forbidden" });

/** Clients of OpenAI repeat every 5xx and 429 by themselves, unless they are told that it is of no use. */
const noRetry = { "x-should-retry": "false" };

const retryAfter = (ms: number | undefined): Record<string, string> =>
  ms === undefined ? {} : { "retry-after": String(Math.ceil(ms / 1000)), "retry-after-ms": String(ms) };

export const tooMany = (message: string, headers: Readonly<Record<string, string>>): ApiFailure =>
  new ApiFailure("rate_limit_exceeded", message, { type: "requests", headers });

const withoutCredit = (message: string): ApiFailure =>
  new ApiFailure("insufficient_quota", message, { type: "insufficient_quota", headers: noRetry });

/** What a model's provider reports. `input` is the parameter that holds the conversation. */
export function failureOfModel(failure: ModelFailure, input: string): ApiFailure {
  const { message, status } = failure;
  const waits = retryAfter(failure.retryAfterMs);
  switch (failure.class) {
    case "rate-limit":
      return tooMany(message, waits);
    case "billing":
      return withoutCredit(message);
    case "context-overflow":
      return badRequest(message, input, "context_length_exceeded");
    case "image":
      return badRequest(message, input, "invalid_image");
    case "refusal":
      return badRequest(message, input, "content_policy_violation");
    case "bad-request":
      return status === 404 ? modelNotFound(message) : badRequest(message);
    // Not 401: that would say that the caller's own key is wrong.
    case "auth":
      return new ApiFailure("provider_auth_failed", message, { headers: noRetry });
    // Everything that could be asked has failed, and the message says how each.
    case "exhausted":
      // What was not even asked rests, because too many requests were made of it.
      if (status === 429 || (status === undefined && failure.retryAfterMs !== undefined)) return tooMany(message, waits);
      return new ApiFailure("exhausted", message, { headers: failure.retryAfterMs === undefined ? noRetry : waits });
    case "overloaded":
      return new ApiFailure("overloaded", message, { headers: waits });
    case "timeout":
      return new ApiFailure("timeout", message);
    default:
      return new ApiFailure("provider_failed", message);
  }
}

/** What a budget refuses that is used up is to clients of OpenAI an account without credit. */
export const isUsedUp = (refusal: unknown): boolean => refusal === budgetRefusals.usedUp || refusal === budgetRefusals.profileUsedUp;

/** The gateway's errors that a caller can do something about, by what they are called here. */
const OF_GATEWAY: Readonly<Record<string, Code>> = {
  LLM_MODEL_UNKNOWN: "model_not_found",
  ROUTER_AGENT_UNKNOWN: "model_not_found",
  LLM_CALL_REFUSED: "llm_call_refused",
  LLM_MODEL_EXCLUDED: "llm_model_excluded",
  LLM_DOCUMENT_UNREADABLE: "llm_document_unreadable",
  LLM_PROVIDER_NOT_READY: "llm_provider_not_ready",
  SESSION_KEY_INVALID: "session_key_invalid",
};
const otherwise = ({ wire }: GatewayError): Code => {
  if (wire === "INVALID_REQUEST") return "invalid_request";
  return wire === "FORBIDDEN" ? "forbidden" : "unavailable";
};

function failureOfGateway(error: GatewayError): ApiFailure {
  const { message } = error;
  if (isUsedUp(error.data?.["refusal"])) return withoutCredit(message);
  const code = OF_GATEWAY[error.code] ?? otherwise(error);
  const status = STATUSES[code];
  if (status < 500)
    return new ApiFailure(code, message, { details: { code: error.code }, ...(status === 403 ? { type: "forbidden" } : {}) });
  // A key that is missing, or a server that was not started, is not there a second later.
  const isSoon = error.retryable && (code !== "llm_provider_not_ready" || error.retryAfterMs !== undefined);
  return new ApiFailure(code, message, { details: { code: error.code }, headers: isSoon ? retryAfter(error.retryAfterMs) : noRetry });
}

export function failureOf(error: unknown): ApiFailure | undefined {
  if (error instanceof ApiFailure) return error;
  return isGatewayError(error) && error.code !== "PLUGIN_FAULT" ? failureOfGateway(error) : undefined;
}

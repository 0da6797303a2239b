/** Errors in the shapes of OpenAI's API, whatever went wrong behind it. */
import { budgetRefusals } from "@pincer/plugin-sdk/contracts/budgets";
import type { ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { type GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";

export interface ErrorBody {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  /** For clients of the gateway, which know its codes. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export class ApiFailure extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, more: Partial<Omit<ErrorBody, "message">> & { headers?: Record<string, string> } = {}) {
    super(message);
    this.status = status;
    this.body = {
      message,
      type: more.type ?? (status < 500 ? "invalid_request_error" : "api_error"),
      param: more.param ?? null,
      code: more.code ?? null,
      ...(more.details === undefined ? {} : { details: more.details }),
    };
    this.headers = more.headers ?? {};
  }

  get response(): Response {
    return Response.json({ error: this.body }, { status: this.status, headers: this.headers });
  }
}

export const badRequest = (message: string, param?: string, code?: string): ApiFailure =>
  new ApiFailure(400, message, { ...(param === undefined ? {} : { param }), ...(code === undefined ? {} : { code }) });

export const unsupported = (param: string, why: string): ApiFailure =>
  badRequest(`Unsupported parameter: '${param}': ${why}`, param, "unsupported_parameter");

export const modelNotFound = (message: string): ApiFailure => new ApiFailure(404, message, { code: "model_not_found" });

/** Clients of OpenAI repeat every 5xx and 429 by themselves, unless they are told that it is of no use. */
const noRetry = { "x-should-retry": "false" };

const retryAfter = (ms: number | undefined): Record<string, string> =>
  ms === undefined ? {} : { "retry-after": String(Math.ceil(ms / 1000)), "retry-after-ms": String(ms) };

/** What a model's provider reports. `input` is the parameter that holds the conversation. */
export function failureOfModel(failure: ModelFailure, input: string): ApiFailure {
  const { message, status } = failure;
  const waits = retryAfter(failure.retryAfterMs);
  switch (failure.class) {
    case "rate-limit":
      return new ApiFailure(429, message, { type: "requests", code: "rate_limit_exceeded", headers: waits });
    case "billing":
      return new ApiFailure(429, message, { type: "insufficient_quota", code: "insufficient_quota", headers: noRetry });
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
      return new ApiFailure(502, message, { code: "provider_auth_failed", headers: noRetry });
    // Everything that could be asked has failed, and the message says how each.
    case "exhausted":
      // What was not even asked rests, because too many requests were made of it.
      if (status === 429 || (status === undefined && failure.retryAfterMs !== undefined))
        return new ApiFailure(429, message, { type: "requests", code: "rate_limit_exceeded", headers: waits });
      return new ApiFailure(503, message, { code: "exhausted", headers: failure.retryAfterMs === undefined ? noRetry : waits });
    case "overloaded":
      return new ApiFailure(503, message, { code: "overloaded", headers: waits });
    case "timeout":
      return new ApiFailure(504, message, { code: "timeout" });
    default:
      return new ApiFailure(502, message, { code: "provider_failed" });
  }
}

const NOT_FOUND: ReadonlySet<string> = new Set(["LLM_MODEL_UNKNOWN", "ROUTER_AGENT_UNKNOWN"]);

/** What a budget refuses that is used up is to clients of OpenAI an account without credit. */
export const isUsedUp = (refusal: unknown): boolean => refusal === budgetRefusals.usedUp || refusal === budgetRefusals.profileUsedUp;

function failureOfGateway(error: GatewayError): ApiFailure {
  const { message, code } = error;
  if (isUsedUp(error.data?.["refusal"]))
    return new ApiFailure(429, message, { type: "insufficient_quota", code: "insufficient_quota", headers: noRetry });
  if (NOT_FOUND.has(code)) return modelNotFound(message);
  if (error.wire === "INVALID_REQUEST") return badRequest(message, undefined, code.toLowerCase());
  if (error.wire === "FORBIDDEN") return new ApiFailure(403, message, { type: "forbidden", code: code.toLowerCase() });
  const headers = error.retryable ? retryAfter(error.retryAfterMs) : noRetry;
  return new ApiFailure(503, message, { code: code.toLowerCase(), headers });
}

/** `undefined` for what is a fault: the gateway logs it, and tells no more of it than a number to look for. */
export function failureOf(error: unknown): ApiFailure | undefined {
  if (error instanceof ApiFailure) return error;
  return isGatewayError(error) && error.code !== "PLUGIN_FAULT" ? failureOfGateway(error) : undefined;
}

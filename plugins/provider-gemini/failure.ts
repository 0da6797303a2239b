/** Errors of the Gemini API in the classes of the `provider` contract. */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { apiErrorOf } from "@pincer/plugin-sdk/provider/api-failure";
import { httpFailure, networkFailure, waitOf } from "@pincer/plugin-sdk/provider/failure";

/** What the vendor tells, in an answer's body or inside a stream. */
interface Told {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly status?: unknown;
  readonly details?: readonly { readonly "@type"?: string; readonly reason?: string; readonly retryDelay?: string }[];
}

const STATUSES: Readonly<Record<string, FailureClass>> = {
  UNAUTHENTICATED: "auth",
  PERMISSION_DENIED: "auth",
  RESOURCE_EXHAUSTED: "rate-limit",
  UNAVAILABLE: "overloaded",
  DEADLINE_EXCEEDED: "timeout",
  INTERNAL: "network",
};

/** Every 429 speaks of a quota and of billing; these alone mean that there is nothing left to spend. */
const SPENT = /prepa(y|id)|credits? (are|is|has|have)|spend(ing)? (cap|limit)/i;

function classOf({ status, message, details }: Told): FailureClass | undefined {
  const reasons = Array.isArray(details) ? details.map((detail) => detail?.reason) : [];
  // A key that is none is told as an argument that is none.
  if (reasons.some((reason) => typeof reason === "string" && /^(API_KEY_|ACCESS_TOKEN_|CONSUMER_)/.test(reason))) return "auth";
  if (status === "RESOURCE_EXHAUSTED" && SPENT.test(String(message))) return "billing";
  return typeof status === "string" && Object.hasOwn(STATUSES, status) ? STATUSES[status] : undefined;
}

/** `22s`, or with a fraction. */
function retryDelayMs({ details }: Told): number | undefined {
  const delay = Array.isArray(details) ? details.find((detail) => typeof detail?.retryDelay === "string")?.retryDelay : undefined;
  return waitOf(Number(/^(\d+(?:\.\d+)?)s$/.exec(delay ?? "")?.[1] ?? Number.NaN) * 1000);
}

export function failureOf(error: unknown, where: string, now: number): ModelFailure {
  const { status, headers, error: thrown } = apiErrorOf(error);
  if (thrown === undefined) return networkFailure(error, where);
  const told = thrown as Told;
  const failure = httpFailure(status ?? codeOf(told), errorMessage(error), { class: classOf(told), headers, now });
  const wait = failure.retryAfterMs ?? retryDelayMs(told);
  return {
    class: failure.class,
    message: failure.message,
    // Inside a stream the answer's status is that of the stream.
    ...(status === undefined ? {} : { status }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}

const codeOf = ({ code }: Told): number => (typeof code === "number" ? code : 500);

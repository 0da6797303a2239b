/** What GitHub and Copilot's API answer instead, in the classes of the `provider` contract. */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { apiErrorOf, failureOf as plainFailureOf } from "@pincer/plugin-sdk/provider/api-failure";

const CODES: Readonly<Record<string, FailureClass>> = {
  quota_exceeded: "billing",
  free_quota_exceeded: "billing",
  overage_limit_reached: "billing",
  billing_not_configured: "billing",
  model_max_prompt_tokens_exceeded: "context-overflow",
};
const STATUSES: Readonly<Record<number, FailureClass>> = {
  /** Filtered, the request or the answer. */
  422: "refusal",
  /** Cancelled by the server. */
  499: "network",
};

export function failureOf(error: unknown, where: string, now: number): ModelFailure {
  const failure = plainFailureOf(error, where, now);
  const { status, error: told } = apiErrorOf(error);
  const code = told?.code;
  const known = (typeof code === "string" && Object.hasOwn(CODES, code) ? CODES[code] : undefined) ?? STATUSES[status ?? 0];
  return known === undefined ? failure : { ...failure, class: known };
}

/** What each class of failure leads to, in the words of `docs/models.md`. */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import type { Trigger } from "./config.ts";

/**
 * `fail`: the profile is off until it is changed. `cool`: this model rests with this profile. `retry`: once more after a pause, then the
 * next. `next`: the next at once. `fix`: once more with what can be fixed, else as `end`. `end`: no other would answer otherwise.
 */
type Rule = "fail" | "cool" | "retry" | "next" | "fix" | "end";

type Said = Pick<ModelFailure, "class" | "status" | "credentialRefused">;

const RULES: Readonly<Record<FailureClass, Rule>> = {
  auth: "fail",
  billing: "fail",
  "rate-limit": "cool",
  overloaded: "retry",
  network: "retry",
  timeout: "retry",
  unknown: "next",
  image: "fix",
  "context-overflow": "end",
  "bad-request": "end",
  refusal: "end",
  exhausted: "end",
};
/** Vendors forbid (403) a model to a key that may ask others, and anybody may ask for any model: that turns no profile off. */
export const isForbidden = ({ class: kind, status, credentialRefused }: Said): boolean =>
  kind === "auth" && status === 403 && credentialRefused !== true;
export const ruleOf = (failure: Said): Rule => (isForbidden(failure) ? "cool" : RULES[failure.class]);

const TRIGGERS: Readonly<Record<FailureClass, Trigger>> = {
  auth: "auth",
  billing: "auth",
  "rate-limit": "rate-limit",
  overloaded: "on-error",
  network: "on-error",
  timeout: "on-error",
  unknown: "on-error",
  "context-overflow": "context-overflow",
  image: "always",
  "bad-request": "always",
  refusal: "always",
  exhausted: "always",
};
/** Whether a fallback is meant for any of these failures. */
export const isTriggered = (on: readonly Trigger[], failures: ReadonlySet<FailureClass>): boolean =>
  failures.size > 0 && (on.includes("always") || [...failures].some((failure) => on.includes(TRIGGERS[failure])));

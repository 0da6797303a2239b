import { defineErrors } from "@pincer/plugin-sdk/error";

export const failoverErrors = defineErrors({
  FAILOVER_PROFILE_UNKNOWN: { message: "there is no such auth profile", wire: "INVALID_REQUEST" },
  FAILOVER_PROFILE_INVALID: { message: "an auth profile cannot be kept like this", wire: "INVALID_REQUEST" },
  FAILOVER_SIGN_IN: { message: "signing in did not work", wire: "UNAVAILABLE", retryable: true },
  FAILOVER_SIGN_IN_UNKNOWN: { message: "nobody is signing in under that id", wire: "INVALID_REQUEST" },
});

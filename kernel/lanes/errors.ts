import { defineErrors, type GatewayError, hasCode } from "@pincer/plugin-sdk/error";

export const laneErrors = defineErrors({
  LANE_FULL: { message: "too many jobs wait in this lane", wire: "UNAVAILABLE", retryable: true },
  LANE_RATE_LIMITED: { message: "this sender asks too often", wire: "UNAVAILABLE", retryable: true },
  LANE_REFUSED: { message: "a plugin does not let the job be admitted", wire: "FORBIDDEN" },
  LANE_CLOSED: { message: "the gateway is stopping", wire: "UNAVAILABLE", retryable: true },
  LANE_JOB_UNKNOWN: { message: "no job has this key", wire: "INVALID_REQUEST" },
  LANE_NO_HANDLER: { message: "no plugin handles this kind of job", wire: "UNAVAILABLE" },
  LANE_RESULT_TOO_LARGE: { message: "a step returned more than can be kept", wire: "UNAVAILABLE" },
  LANE_EFFECT_TWICE: { message: "a job used the name of a step twice", wire: "UNAVAILABLE" },
  LANE_DIVERGED: { message: "the job cannot be continued from its journal", wire: "UNAVAILABLE" },
  LANE_DEADLINE: { message: "the job's time was up", wire: "UNAVAILABLE" },
  LANE_CANCELLED: { message: "the job was cancelled", wire: "UNAVAILABLE" },
  LANE_RELEASED: { message: "the job is handed to the next handler", wire: "UNAVAILABLE", retryable: true },
  LANE_PARKED: { message: "the job was given up", wire: "UNAVAILABLE" },
  LANE_FAILED: { message: "the job's handler failed", wire: "UNAVAILABLE" },
});

/** The store is full or locked: no fault of who meets that. */
export const isRefusal = (error: unknown): error is GatewayError => hasCode(error, "STORE_FULL") || hasCode(error, "STORE_LOCKED");

import { defineErrors, hasCode } from "@pincer/plugin-sdk/error";

export const agentErrors = defineErrors({
  AGENT_KEY_REUSED: { message: "this idempotency key belongs to a run of another session", wire: "INVALID_REQUEST" },
  AGENT_SESSION_CHANGED: { message: "the session was reset since it was last read", wire: "INVALID_REQUEST" },
  AGENT_LEAF_CHANGED: { message: "the conversation went on since it was last read", wire: "INVALID_REQUEST" },
  AGENT_SESSION_UNKNOWN: { message: "there is no such session", wire: "INVALID_REQUEST" },
  AGENT_MESSAGE_EMPTY: { message: "the message has neither text nor attachments", wire: "INVALID_REQUEST" },
  AGENT_ATTACHMENT: { message: "an attachment cannot be taken", wire: "INVALID_REQUEST" },
  AGENT_THINKING: { message: "no such thinking level", wire: "INVALID_REQUEST" },
  AGENT_REPLY_ADDRESS: { message: "where the answer is to be sent is not clear", wire: "INVALID_REQUEST" },
  AGENT_REFUSED: { message: "the turn was refused", wire: "FORBIDDEN" },
  AGENT_TIMEOUT: { message: "the turn took too long", wire: "UNAVAILABLE", retryable: true },
  AGENT_COMPACTION: { message: "the conversation could not be summarised", wire: "UNAVAILABLE", retryable: true },
});

/** The store is full or locked. Lanes take the job up again when it no longer is, so that nobody is told of an end. */
export const isPutOff = (error: unknown): boolean => hasCode(error, "STORE_FULL") || hasCode(error, "STORE_LOCKED");

/** Ends of a job that nobody will take up again. With any other, another process or generation goes on with it. */
export const isFinal = (reason: unknown): boolean => hasCode(reason, "LANE_CANCELLED") || hasCode(reason, "LANE_DEADLINE");

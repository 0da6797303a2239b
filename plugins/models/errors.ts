import { defineErrors } from "@pincer/plugin-sdk/error";

export const llmErrors = defineErrors({
  LLM_MODEL_UNKNOWN: { message: "there is no such model", wire: "INVALID_REQUEST" },
  LLM_PROVIDER_UNKNOWN: { message: "there is no such provider", wire: "INVALID_REQUEST" },
  LLM_PROVIDER_NOT_READY: { message: "the model's provider is not ready", wire: "UNAVAILABLE", retryable: true },
  LLM_PROFILE_UNKNOWN: { message: "there is no such auth profile", wire: "INVALID_REQUEST" },
  LLM_DOCUMENT_UNREADABLE: { message: "the model reads no documents", wire: "INVALID_REQUEST" },
  LLM_MODEL_EXCLUDED: { message: "the model is not among those that may be asked this", wire: "FORBIDDEN" },
  LLM_PULL_IMPOSSIBLE: { message: "that model cannot be fetched", wire: "INVALID_REQUEST" },
  LLM_PULL_UNKNOWN: { message: "that model is not being fetched", wire: "INVALID_REQUEST" },
  LLM_CATALOGUE_REFUSED: { message: "the catalogue of models cannot be used", wire: "INVALID_REQUEST" },
  LLM_CALL_REFUSED: { message: "the call of the model was refused", wire: "FORBIDDEN" },
});

import { defineErrors } from "@pincer/plugin-sdk/error";

export const configErrors = defineErrors({
  CONFIG_INVALID: { message: "the configuration does not match its schema", wire: "INVALID_REQUEST" },
  CONFIG_STALE: { message: "config changed since last load; re-run config.get and retry", wire: "INVALID_REQUEST" },
  CONFIG_PATH_UNKNOWN: { message: "no schema is declared at that path", wire: "INVALID_REQUEST" },
  CONFIG_SCHEMA_UNSUPPORTED: { message: "a schema of the configuration says something that cannot be checked", wire: "INVALID_REQUEST" },
  CONFIG_PATH_TAKEN: { message: "another owner declared that path of the configuration", wire: "UNAVAILABLE" },
  CONFIG_WRITE_FAILED: { message: "the configuration could not be written", wire: "UNAVAILABLE", retryable: true },
});

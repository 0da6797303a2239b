import { defineErrors } from "@pincer/plugin-sdk/error";

export const sessionErrors = defineErrors({
  SESSION_UNKNOWN: { message: "there is no such session", wire: "INVALID_REQUEST" },
  SESSION_FIELD_INVALID: { message: "a field of the session cannot be set like this", wire: "INVALID_REQUEST" },
});

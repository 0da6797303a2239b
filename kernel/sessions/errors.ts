import { defineErrors } from "@pincer/plugin-sdk/error";

export const sessionErrors = defineErrors({
  SESSION_UNKNOWN: { message: "there is no such session", wire: "INVALID_REQUEST" },
  SESSION_FIELD_INVALID: { message: "a field of the session cannot be set like this", wire: "INVALID_REQUEST" },
  SESSION_ENTRY_ORPHAN: { message: "an entry names a parent that this session's transcript does not hold", wire: "INVALID_REQUEST" },
  SESSION_CHANGED: { message: "the session was reset or replaced since it was last read", wire: "INVALID_REQUEST" },
  SESSION_PROTECTED: { message: "this session cannot be deleted", wire: "INVALID_REQUEST" },
});

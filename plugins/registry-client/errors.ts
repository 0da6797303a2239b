import { defineErrors } from "@pincer/plugin-sdk/error";

export const clientErrors = defineErrors({
  REGISTRY_CLIENT_FILE_EXISTS: { message: "that file is there already", wire: "INVALID_REQUEST" },
});

import { defineErrors } from "@pincer/plugin-sdk/error";

export const clientErrors = defineErrors({
  REGISTRY_CLIENT_FILE_EXISTS: { message: "that file is there already", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_WANTED_INVALID: { message: "that names no package", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_PACKAGE_INVALID: { message: "that is neither a plugin nor a skill", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_DEPENDENCY_MISSING: { message: "nobody here has a package that the plugin needs", wire: "UNAVAILABLE", retryable: true },
  REGISTRY_CLIENT_GIT_FAILED: { message: "git did not fetch that", wire: "UNAVAILABLE", retryable: true },
});

import { defineErrors, type GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";
import { RegistryError } from "@pincer/registry/error";

export const clientErrors = defineErrors({
  REGISTRY_CLIENT_FILE_EXISTS: { message: "that file is there already", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_KEY_MISSING: { message: "the key is not there", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_USAGE: { message: "the command was not understood", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_WANTED_INVALID: { message: "that names no package", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_PACKAGE_INVALID: { message: "that is neither a plugin nor a skill", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_GIT_FAILED: { message: "git did not fetch that", wire: "UNAVAILABLE", retryable: true },
});

/** Of a registry that does not answer, something may come later; of one that answers wrongly, never. */
const passing = new Set(["REGISTRY_UNREACHABLE"]);

/** Whatever was thrown, with the code and the words that whoever asked may see. */
export function shownError(error: unknown): unknown {
  if (isGatewayError(error) || !(error instanceof RegistryError)) return error;
  const { code, message } = error;
  const found = defineErrors({ [code]: { message, wire: "UNAVAILABLE", retryable: passing.has(code) } });
  return (found[code] as (message: string) => GatewayError)(message);
}

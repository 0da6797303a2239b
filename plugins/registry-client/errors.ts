import { defineErrors, type GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";
import { knownError } from "@pincer/plugin-sdk/plugin-errors";
import { RegistryError } from "@pincer/registry/error";

export const clientErrors = defineErrors({
  REGISTRY_CLIENT_FILE_EXISTS: { message: "that file is there already", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_FILE_UNREADABLE: { message: "that file cannot be read, or written", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_KEY_MISSING: { message: "the key is not there", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_NAME_UNCLEAR: { message: "several packages could be meant", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_NAME_RESERVED: { message: "a plugin of this repository has that name", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_UNKNOWN: { message: "no package of that name is known", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_NOT_INSTALLED: { message: "that is not installed", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_ORIGIN_CHANGED: { message: "it was installed from elsewhere", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_PACKAGE_INVALID: { message: "the package is not what it says it is", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_SOURCE_MISSING: { message: "there is no way to install from there", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_PLAN_CHANGED: { message: "what would be done is no longer what was shown", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_CONSENT_NEEDED: { message: "it needs a yes of its own", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_NOTHING_KEPT: { message: "no earlier version is kept", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_DRIFT: { message: "what is installed is not what the lock says", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_JOURNAL_INVALID: { message: "what was interrupted cannot be read", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_DISK_FULL: {
    message: "no space is left on the disk: free some; the next command about packages takes back what was begun, or completes it",
    wire: "UNAVAILABLE",
    retryable: true,
  },
  REGISTRY_CLIENT_LOCK_INVALID: { message: "pincer.lock cannot be read", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_CONFIG_INVALID: { message: "the registries in the configuration are not in order", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_BUSY: { message: "another installation is under way", wire: "UNAVAILABLE", retryable: true },
  REGISTRY_CLIENT_REVOKED: { message: "nobody should run that version any more", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_ROLLED_BACK: { message: "it does not work, and was taken back", wire: "UNAVAILABLE" },
  REGISTRY_CLIENT_WANTED_INVALID: { message: "that names no package", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_DEPENDENCY_MISSING: { message: "nobody here has a package that the plugin needs", wire: "UNAVAILABLE", retryable: true },
  REGISTRY_CLIENT_GIT_FAILED: { message: "git did not fetch that", wire: "UNAVAILABLE", retryable: true },
  REGISTRY_CLIENT_UPLOAD: { message: "the upload cannot go on like that", wire: "INVALID_REQUEST" },
  REGISTRY_CLIENT_USAGE: { message: "the command was not understood", wire: "INVALID_REQUEST" },
});

/** Of a registry that does not answer, something may come later; of one that answers wrongly, never. */
const passing = new Set(["REGISTRY_UNREACHABLE"]);

/** Whatever was thrown, with the code and the words that whoever asked may see. */
function shownError(error: unknown): unknown {
  if (knownError(error)?.code === "DISK_FULL") return clientErrors.REGISTRY_CLIENT_DISK_FULL(undefined, { cause: error });
  if (isGatewayError(error) || !(error instanceof RegistryError)) return error;
  const { code, message } = error;
  const found = defineErrors({ [code]: { message, wire: "UNAVAILABLE", retryable: passing.has(code) } });
  return (found[code] as (message: string) => GatewayError)(message);
}

/** What `run` does; what it throws, as `shownError` has it. */
export async function told<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw shownError(error);
  }
}

/** Whether a place was asked in vain: it is not there, or does not have it. */
export const isPackageMissing = (error: unknown): boolean =>
  error instanceof RegistryError && ["REGISTRY_NOT_FOUND", "REGISTRY_UNREACHABLE"].includes(error.code);

/** Nothing of it is left that anybody should run. */
export const isRevoked = (error: unknown): error is RegistryError => error instanceof RegistryError && error.code === "REGISTRY_REVOKED";

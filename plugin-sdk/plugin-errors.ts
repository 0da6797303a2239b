/** What can go wrong with a plugin, in the gateway's process, in one of its own, and where it is built. */
import { defineErrors, type GatewayError, isGatewayError } from "./error.ts";

export const pluginErrors = defineErrors({
  PLUGIN_MANIFEST_INVALID: { message: "the manifest is not valid", wire: "UNAVAILABLE" },
  PLUGIN_UNKNOWN: { message: "no such plugin", wire: "INVALID_REQUEST" },
  PLUGIN_DISABLED: { message: "the plugin is not enabled", wire: "UNAVAILABLE" },
  PLUGIN_REVOKED: { message: "nobody should run the plugin any more", wire: "UNAVAILABLE" },
  PLUGIN_UNTRUSTED: { message: "the plugin is not of this repository, and nothing would hold it to its permissions", wire: "UNAVAILABLE" },
  PLUGIN_UNCONFINABLE: { message: "what the plugin asks for cannot be given to it under confinement", wire: "UNAVAILABLE" },
  PLUGIN_CONFLICT: { message: "another plugin owns a name that this one declares", wire: "UNAVAILABLE" },
  PLUGIN_DEPENDENCY_MISSING: { message: "a capability that this plugin uses is not provided", wire: "UNAVAILABLE", retryable: true },
  PLUGIN_INSTALL_FAILED: { message: "the plugin's dependencies could not be installed", wire: "UNAVAILABLE", retryable: true },
  PLUGIN_LOAD_FAILED: { message: "the plugin did not start", wire: "UNAVAILABLE", retryable: true },
  PLUGIN_UNDECLARED: { message: "the plugin registered something that its manifest does not declare", wire: "UNAVAILABLE" },
  PLUGIN_MISSING: { message: "the plugin did not register something that its manifest declares", wire: "UNAVAILABLE" },
  PLUGIN_DUPLICATE: { message: "the plugin registered the same thing twice", wire: "UNAVAILABLE" },
  PLUGIN_UNHEALTHY: { message: "the new generation reports that it cannot work", wire: "UNAVAILABLE", retryable: true },
  PLUGIN_NOT_CONNECTED: { message: "the new generation did not take over the connection", wire: "UNAVAILABLE", retryable: true },
  PLUGIN_STATE_REFUSED: { message: "the new generation could not be given the state of the present one", wire: "UNAVAILABLE" },
  PLUGIN_TIMEOUT: { message: "the plugin did not answer in time", wire: "UNAVAILABLE", retryable: true },
  DISK_FULL: { message: "the disk is full", wire: "UNAVAILABLE", retryable: true },
  PLUGIN_FAULT: { message: "the plugin failed", wire: "UNAVAILABLE" },
  PLUGIN_CRASHED: { message: "the plugin's process ended too often", wire: "UNAVAILABLE" },
  PLUGIN_UNLOADED: { message: "the plugin's generation has been unloaded", wire: "UNAVAILABLE", retryable: true },
  /** A stream that only one may hold was ended for a newer generation: start it again, at once, from what was kept. */
  PLUGIN_REPLACED: { message: "the plugin was replaced by a newer generation", wire: "UNAVAILABLE", retryable: true },
  PLUGIN_PERMISSION: { message: "the manifest does not permit that", wire: "FORBIDDEN" },
  PLUGIN_QUOTA: { message: "the plugin keeps more than it may", wire: "UNAVAILABLE" },
  PLUGIN_VALUE_INVALID: { message: "the value cannot be kept or sent", wire: "INVALID_REQUEST" },
  PLUGIN_GONE: { message: "the plugin's process is gone", wire: "UNAVAILABLE", retryable: true },
  /** It was asked to end, or to read, and did not: what it did is unknown. */
  PLUGIN_STALLED: { message: "the plugin's process does not answer", wire: "UNAVAILABLE", retryable: true },
  PLUGIN_BUSY: { message: "too many calls run at once", wire: "UNAVAILABLE", retryable: true },
  PLUGIN_PROTOCOL: { message: "the plugin's process sent what no honest one sends", wire: "UNAVAILABLE" },
  CAPABILITY_MISSING: { message: "no plugin provides the capability", wire: "UNAVAILABLE", retryable: true },
  CAPABILITY_PARAMS_INVALID: { message: "the parameters do not match the contract", wire: "INVALID_REQUEST" },
  CAPABILITY_RESULT_INVALID: { message: "the answer does not match the contract", wire: "UNAVAILABLE" },
});

const full = /^(ENOSPC|EDQUOT|SQLITE_FULL|SQLITE_IOERR_SHMSIZE)/;

/** What is nobody's fault: an error with a code of ours as it is, and that a file, or a database of the plugin's own, found no room. */
export function knownError(error: unknown): GatewayError | undefined {
  if (isGatewayError(error)) return error;
  if (!(error instanceof Error && "code" in error && full.test(String(error.code)))) return undefined;
  const place = "path" in error && typeof error.path === "string" ? ` for ${error.path}` : "";
  return pluginErrors.DISK_FULL(`no space left on the disk${place}: free some space, and ask again`, { cause: error });
}

/** Who failed, at what; wrapped once, where a call leaves a plugin. What it was is in the cause, which never crosses the wire. */
export function faultOf(error: unknown, plugin: string, what: string): GatewayError {
  const known = knownError(error);
  if (known) return known;
  const correlationId = crypto.randomUUID();
  const next = `the gateway's log says why under ${correlationId}: pincer logs`;
  return pluginErrors.PLUGIN_FAULT(`${plugin} failed in ${what}: ${next}`, { cause: error, data: { plugin, what, correlationId } });
}

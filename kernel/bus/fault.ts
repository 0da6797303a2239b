import type { Logger } from "@pincer/plugin-sdk";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { errorEntry } from "@pincer/plugin-sdk/wire/errors";
import type { ErrorEntry } from "@pincer/plugin-sdk/wire/frames";

/**
 * The one place where what was thrown becomes what the caller is told. Anything but a `GatewayError` is a fault: it is logged with its
 * cause under a correlation id, which is all that the caller gets to see of it.
 */
export function toldOf(error: unknown, log: Logger, where: string): ErrorEntry {
  if (isGatewayError(error)) {
    if (error.cause !== undefined) log.warn("bus.error", { where, code: error.code, error: trace(error) });
    return errorEntry(error);
  }
  const correlationId = crypto.randomUUID();
  log.error("bus.fault", { correlationId, where, error: trace(error) });
  const message = `${where} failed inside the gateway; its log says why under ${correlationId}`;
  return { code: "UNAVAILABLE", message, details: { correlationId } };
}

/** Where it was thrown, and what was behind it. */
function trace(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by ${trace(error.cause)}`;
}

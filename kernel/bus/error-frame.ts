/** The one place where an error becomes what the wire carries (`protocol` section 1.9). */
import type { Logger } from "@pincer/plugin-sdk";
import { isGatewayError } from "@pincer/plugin-sdk/error";

export interface ErrorEntry {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable?: true;
  readonly retryAfterMs?: number;
}

/**
 * Our own code travels in `details.code`. Anything but a `GatewayError` is a fault: it is logged with its cause under a correlation id,
 * which is all that the caller gets to see of it.
 */
export function errorEntry(error: unknown, log: Logger, where: string): ErrorEntry {
  if (isGatewayError(error)) {
    const { code, wire, message, data, retryable, retryAfterMs, cause } = error;
    if (cause !== undefined) log.warn("bus.error", { where, code, error: trace(error) });
    return {
      code: wire,
      message: message || code,
      details: { ...data, code },
      ...(retryable ? { retryable } : {}),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.max(0, Math.ceil(retryAfterMs)) }),
    };
  }
  const correlationId = crypto.randomUUID();
  log.error("bus.fault", { correlationId, where, error: trace(error) });
  return {
    code: "UNAVAILABLE",
    message: `${where} failed inside the gateway; its log says why under ${correlationId}`,
    details: { correlationId },
  };
}

/** Where it was thrown, and what was behind it. */
function trace(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by ${trace(error.cause)}`;
}

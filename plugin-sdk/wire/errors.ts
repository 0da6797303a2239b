/** What a gateway refuses by itself, whatever plugin or client asks. */
import type { Mismatch } from "../check.ts";
import { defineErrors, type GatewayError } from "../error.ts";
import { type ConnectParams, oldestVersion, protocolVersion } from "./connect.ts";
import type { ErrorEntry } from "./frames.ts";

export const busErrors = defineErrors({
  BUS_METHOD_UNKNOWN: { message: "unknown method", wire: "INVALID_REQUEST" },
  BUS_ROLE_UNAUTHORIZED: { message: "unauthorized role", wire: "INVALID_REQUEST" },
  /** The wire's own detail code, which clients look for. */
  MISSING_SCOPE: { message: "missing scope", wire: "FORBIDDEN" },
  BUS_PARAMS_INVALID: { message: "the parameters do not match the method's schema", wire: "INVALID_REQUEST" },
  BUS_RESULT_INVALID: { message: "the answer does not match the method's schema", wire: "UNAVAILABLE" },
  BUS_RESULT_TOO_LARGE: { message: "the answer is larger than a frame may be", wire: "UNAVAILABLE" },
  BUS_FRAME_INVALID: { message: "invalid request frame", wire: "INVALID_REQUEST" },
  BUS_HANDSHAKE_INVALID: { message: "invalid handshake: first request must be connect", wire: "INVALID_REQUEST" },
  PROTOCOL_MISMATCH: { message: "protocol mismatch", wire: "INVALID_REQUEST" },
  BUS_STARTING: { message: "gateway starting", wire: "UNAVAILABLE", retryable: true },
  BUS_STOPPING: { message: "gateway is stopping", wire: "UNAVAILABLE", retryable: true },
  BUS_BUSY: { message: "too many requests are running on this connection", wire: "UNAVAILABLE", retryable: true },
  BUS_RATE_LIMITED: { message: "too many calls that change the gateway", wire: "UNAVAILABLE", retryable: true },
  BUS_ACCEPTED_UNDECLARED: { message: "the method does not declare a first answer", wire: "UNAVAILABLE" },
  BUS_LISTEN_FAILED: { message: "the address cannot be listened on", wire: "UNAVAILABLE" },
});

export const paramsInvalid = (method: string) => (described: string, mismatch: Mismatch) =>
  busErrors.BUS_PARAMS_INVALID(`invalid ${method} params: ${described}`, { data: { ...mismatch } });

/** The reasons are the wire's own: clients that read them try again quietly. */
export const startingError = () => busErrors.BUS_STARTING("gateway starting", { data: { reason: "startup-sidecars" }, retryAfterMs: 500 });
export const stoppingError = () => busErrors.BUS_STOPPING("gateway is stopping", { data: { reason: "gateway-restarting" } });

/** Of what a client offered, none is spoken here. */
export const mismatchError = ({ minProtocol, maxProtocol }: Pick<ConnectParams, "minProtocol" | "maxProtocol">) =>
  busErrors.PROTOCOL_MISMATCH("protocol mismatch", {
    data: {
      clientMinProtocol: minProtocol,
      clientMaxProtocol: maxProtocol,
      expectedProtocol: protocolVersion,
      minimumProbeProtocol: oldestVersion,
    },
  });

/** An error as the wire carries it (`protocol` section 1.9). */
export const errorEntry = ({ code, wire, message, data, retryable, retryAfterMs }: GatewayError): ErrorEntry => ({
  code: wire,
  message: message || code,
  details: { ...data, code },
  ...(retryable ? { retryable } : {}),
  ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.max(0, Math.ceil(retryAfterMs)) }),
});

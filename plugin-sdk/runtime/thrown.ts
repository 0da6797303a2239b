/** What was thrown, on its way to the other side: an error with a code as it is, without its cause; a full disk; anything else as a fault. */
import { type ErrorOptions, GatewayError, isGatewayError, type WireCode } from "../error.ts";
import { knownError, pluginErrors } from "../plugin-errors.ts";
import { kinds } from "./frame-kinds.ts";

const wireCodes: Readonly<Record<WireCode, true>> = {
  INVALID_REQUEST: true,
  FORBIDDEN: true,
  NOT_PAIRED: true,
  UNAVAILABLE: true,
  APPROVAL_NOT_FOUND: true,
};
const isWireCode = (value: unknown): value is WireCode => typeof value === "string" && Object.hasOwn(wireCodes, value);
const isWait = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isData = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const membersOf = (value: unknown): Readonly<Record<string, unknown>> => (isData(value) ? value : {});

/** In characters: 16 KB together. */
const longest = { name: 200, message: 6_000, stack: 10_000, coded: 16_000 };

export type Told = readonly [kind: number, value: unknown];

export const nothingTold: Told = [kinds.fault, undefined];

/** What tells of it; then, for when that cannot be sent for what its author put in, what tells less. */
export function tellThrown(error: unknown, tellsFaults: boolean): readonly Told[] {
  try {
    const coded = codedOf(knownError(error));
    if (!coded) return [[kinds.fault, tellsFaults ? faultOf(error) : undefined]];
    return [
      [kinds.error, coded],
      [kinds.error, { ...coded, data: undefined }],
    ];
  } catch {
    return [nothingTold]; // silent-ok: it throws when it is looked at, so that it failed is all there is to tell
  }
}

/** As it crosses; nothing for what only says that it is one of ours. */
export function codedOf(error: unknown): Record<string, unknown> | undefined {
  if (!isGatewayError(error)) return undefined;
  const { code, wire, message, retryable, retryAfterMs, data } = error;
  if (typeof code !== "string" || typeof message !== "string" || !isWireCode(wire)) return undefined;
  return {
    code: code.slice(0, longest.name),
    wire,
    message: message.slice(0, longest.coded),
    retryable: retryable === true,
    ...(isWait(retryAfterMs) && { retryAfterMs }),
    ...(isData(data) && { data }),
  };
}

export function codedFrom(value: unknown): GatewayError {
  const { code, wire, message, retryable, retryAfterMs, data } = membersOf(value);
  const isWhole = typeof code === "string" && typeof message === "string" && isWireCode(wire) && typeof retryable === "boolean";
  if (!isWhole || (retryAfterMs !== undefined && !isWait(retryAfterMs)) || (data !== undefined && !isData(data)))
    throw pluginErrors.PLUGIN_PROTOCOL("expected an error's code, wire, message and whether to retry");
  const options: ErrorOptions = { ...(retryAfterMs !== undefined && { retryAfterMs }), ...(data && { data }) };
  return new GatewayError(code.slice(0, longest.name), { wire, message, retryable }, message.slice(0, longest.coded), options);
}

function faultOf(error: unknown): Readonly<Record<string, string>> {
  if (!(error instanceof Error)) return { name: "Error", message: String(error).slice(0, longest.message), stack: "" };
  const { name, message, stack = "" } = error;
  return {
    name: String(name).slice(0, longest.name),
    message: String(message).slice(0, longest.message),
    stack: String(stack).slice(0, longest.stack),
  };
}

export function faultFrom(value: unknown, target: string): Error {
  if (value === undefined) return new Error(`${target} failed on the other side, which keeps to itself why`);
  const { name, message, stack } = membersOf(value);
  if (typeof name !== "string" || typeof message !== "string" || typeof stack !== "string")
    throw pluginErrors.PLUGIN_PROTOCOL("expected a fault's name, message and stack");
  const error = new Error(message.slice(0, longest.message));
  for (const [key, text] of Object.entries({ name: name.slice(0, longest.name), stack: stack.slice(0, longest.stack) }))
    Object.defineProperty(error, key, { value: text, configurable: true, writable: true });
  return error;
}

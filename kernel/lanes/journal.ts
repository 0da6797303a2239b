/** How a step is kept: what it returned or threw, as JSON, under a hash of its input. */
import { type ErrorOptions, errorMessage, GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Statement } from "../../store/store.ts";
import { laneErrors } from "./errors.ts";
import { type OpenJob, type Step, sql } from "./rows.ts";
import type { LanesSettings } from "./settings.ts";

/** Stable between versions of the runtime, since journals outlive them. */
export const hashOf = (input: unknown): string => Bun.hash.xxHash64(JSON.stringify(input) ?? "").toString(36);

interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly gateway?: Pick<GatewayError, "code" | "wire" | "retryable"> & ErrorOptions;
}

const errorOf = ({ name, message, gateway }: Thrown): Error =>
  gateway ? new GatewayError(gateway.code, { ...gateway, message }, message, gateway) : Object.assign(new Error(message), { name });

/** What a past step returned; throws what it threw. */
export function answerOf({ state, value }: Step): unknown {
  if (value === null) return undefined;
  const decoded: unknown = JSON.parse(typeof value === "string" ? value : new TextDecoder().decode(value as Uint8Array));
  if (state === "failed") throw errorOf(decoded as Thrown);
  return decoded;
}

/** Throws when the value is not JSON, or too large. */
export function settled({ id, key }: OpenJob, name: string, hash: string, value: unknown, bounds: LanesSettings): Statement {
  const text = JSON.stringify(value);
  if (text?.length > bounds.resultBytes) {
    const bound = `gateway.lanes.resultBytes allows ${bounds.resultBytes}`;
    throw laneErrors.LANE_RESULT_TOO_LARGE(`the step "${name}" of ${key} returned ${text.length} bytes of JSON; ${bound}`);
  }
  return [sql.settle, id, name, "settled", hash, text?.length > bounds.blobBytes ? new TextEncoder().encode(text) : (text ?? null)];
}

export function failed({ id }: OpenJob, name: string, hash: string, error: unknown): Statement {
  const gateway = isGatewayError(error) && { gateway: { ...error } };
  const thrown = { name: error instanceof Error ? error.name : "Error", message: errorMessage(error), ...gateway };
  return [sql.settle, id, name, "failed", hash, JSON.stringify(thrown)];
}

/**
 * One error class and tables of codes. An error is recognised by its brand, never by `instanceof`: after a reload, or with a second
 * copy of this package, classes differ. `message` may cross the wire; `cause` never does.
 */
const brand = Symbol.for("pincer.error");

/** The codes that the wire knows (`protocol` section 1.9); every code of ours is carried by one of them, in `details.code`. */
export type WireCode = "INVALID_REQUEST" | "FORBIDDEN" | "NOT_PAIRED" | "UNAVAILABLE" | "APPROVAL_NOT_FOUND";

export interface ErrorDefinition {
  /** What the code means, in one sentence; used when no message is given. */
  readonly message: string;
  readonly wire: WireCode;
  /** Whether the same call may succeed later. A fact of the code, never guessed by callers. */
  readonly retryable?: boolean;
}

export interface ErrorOptions {
  /** JSON that the caller may see, in `details`. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

export class GatewayError<Code extends string = string> extends Error {
  readonly [brand] = true;
  override readonly name = "GatewayError";
  readonly code: Code;
  readonly wire: WireCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: Code, definition: ErrorDefinition, message: string = definition.message, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.wire = definition.wire;
    this.retryable = definition.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.data = options.data;
  }
}

export const isGatewayError = (value: unknown): value is GatewayError => typeof value === "object" && value !== null && brand in value;

/** True for the error of one code of a table, whatever copy of this package made it. */
export const hasCode = (value: unknown, code: string): value is GatewayError => isGatewayError(value) && value.code === code;

type Throwers<T> = { readonly [Code in keyof T & string]: (message?: string, options?: ErrorOptions) => GatewayError<Code> };

/**
 * A table of an area's codes. Codes are `AREA_REASON`; a misspelt one does not compile.
 *
 * ```ts
 * const laneErrors = defineErrors({ LANE_FULL: { message: "the lane is full", wire: "UNAVAILABLE", retryable: true } });
 * throw laneErrors.LANE_FULL("100 jobs wait in turn:agent:main:main");
 * ```
 */
export function defineErrors<const T extends Record<string, ErrorDefinition>>(table: T): Throwers<T> {
  const throwers: Record<string, (message?: string, options?: ErrorOptions) => GatewayError> = {};
  for (const [code, definition] of Object.entries(table)) {
    throwers[code] = (message, options) => new GatewayError(code, definition, message, options);
  }
  return throwers as Throwers<T>;
}

/** The text of anything that was thrown, for a log line or a message. */
export const errorMessage = (value: unknown): string => (value instanceof Error ? value.message : String(value));

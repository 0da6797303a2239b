/** Frames as they travel (`protocol` section 2). Sent ones are put together from strings, so that a payload is written out once. */
export interface RequestFrame {
  readonly type: "req";
  readonly id: string;
  readonly method: string;
  readonly params?: unknown;
}

/** Our own code travels in `details.code`. */
export interface ErrorEntry {
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
}

export interface StateVersion {
  readonly presence: number;
  readonly health: number;
}

/** Whatever a client is sent: an answer (`res`) or an event. */
export interface ServerFrame {
  readonly type: string;
  readonly id?: string;
  readonly ok?: boolean;
  readonly payload?: unknown;
  readonly error?: ErrorEntry;
  readonly event?: string;
  /** On what was broadcast: counts by one for each connection. */
  readonly seq?: number;
  readonly stateVersion?: StateVersion;
}

const longestTrace = 128;

const surrogateEscape = /\\u[dD][89a-fA-F]/;
/** A pair of them, one alone, or any other escape, which is passed over whole. */
const escapes = /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u[dD][89a-fA-F][\da-fA-F]{2}|\\[^u]/g;

/**
 * `undefined`, which no JSON text gives, when it is none. Half a surrogate pair, which only an escape can smuggle in, becomes U+FFFD as
 * in text that was never JSON: the store would keep it so, and a key must be the same before and behind it.
 */
export function parse(text: string): unknown {
  try {
    if (!surrogateEscape.test(text)) return JSON.parse(text);
    const isAlone = (found: string) => found.length === 6;
    return JSON.parse(text.replace(escapes, (found) => (isAlone(found) ? "\\ufffd" : found)));
  } catch {
    return undefined; // silent-ok: what to do about text that is not JSON depends on the phase
  }
}

/** Why a parsed frame is not a request, or `undefined` when it is one. Such frames are answered, not closed. */
export function requestProblem(frame: unknown): string | undefined {
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) return "expected an object";
  for (const key in frame) {
    const value = (frame as Record<string, unknown>)[key];
    switch (key) {
      case "type":
        if (value !== "req") return 'at /type: expected "req"';
        break;
      case "id":
      case "method":
        if (typeof value !== "string" || value === "") return `at /${key}: expected a string that is not empty`;
        break;
      case "params":
        break;
      case "traceparent":
      case "expectedProfileId":
        if (typeof value !== "string" || value.length > longestTrace) return `at /${key}: expected a string of at most ${longestTrace}`;
        break;
      default:
        return `at /${key.slice(0, longestTrace)}: expected no such property`;
    }
  }
  const { type, id, method } = frame as Partial<RequestFrame>;
  if (type === undefined || id === undefined || method === undefined) return "expected type, id and method";
  return undefined;
}

export const requestFrame = (id: string, method: string, params?: unknown): string => JSON.stringify({ type: "req", id, method, params });

/** The id to answer a frame that is not a request under. */
export const answerId = (frame: unknown): string => {
  const id = (frame as { id?: unknown } | null)?.id;
  return typeof id === "string" && id !== "" ? id : "invalid";
};

/** Throws when the payload is not JSON. */
export const resultFrame = (id: string, payload: unknown): string => JSON.stringify({ type: "res", id, ok: true, payload });

export const errorFrame = (id: string, error: ErrorEntry): string => JSON.stringify({ type: "res", id, ok: false, error });

/** All of an event's frame but its end, which differs between sockets. Throws when the payload is not JSON. */
export function eventHead(event: string, payload: unknown, stateVersion?: StateVersion): string {
  const body = payload === undefined ? "" : `,"payload":${JSON.stringify(payload)}`;
  const version = stateVersion ? `,"stateVersion":${JSON.stringify(stateVersion)}` : "";
  return `{"type":"event","event":${JSON.stringify(event)}${body}${version}`;
}

/** A `seq` only on what was broadcast. */
export const eventFrame = (head: string, seq?: number): string => (seq === undefined ? `${head}}` : `${head},"seq":${seq}}`);

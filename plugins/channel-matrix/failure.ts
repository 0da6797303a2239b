/** What a homeserver answers instead, in the codes that delivery acts on. */
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { type Credentials, howToLogIn, loginRequired } from "./config.ts";

/** Longest wait that a homeserver is believed: a longer one would be a homeserver that refuses. */
const LONGEST_WAIT_MS = 3_600_000;

/** An answer with an error in the form of the specification, or without, from whoever stands in front of the homeserver. */
export class Refused extends Error {
  constructor(
    readonly host: string,
    readonly status: number,
    /** Absent when it is not the homeserver that answered. */
    readonly errcode: string | undefined,
    said: string,
    readonly retryAfterMs: number | undefined,
    readonly softLogout: boolean,
    readonly body: unknown,
  ) {
    super(said);
  }
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // silent-ok: told by status
  }
}

/** `now`: the header may name a moment. */
function waitOf(header: string | null, body: Readonly<Record<string, unknown>>, now: number): number | undefined {
  const seconds = header === null ? Number.NaN : Number(header);
  const until = header === null ? Number.NaN : Date.parse(header) - now;
  const ms = [seconds * 1000, until, Number(body["retry_after_ms"])].find((each) => Number.isFinite(each));
  return ms === undefined ? undefined : Math.min(LONGEST_WAIT_MS, Math.max(1, Math.ceil(ms)));
}

export function refusedBy(host: string, { status, headers }: Response, text: string, now: number): Refused {
  const body = parsed(text);
  const { errcode, error, soft_logout, ...rest } = asRecord(body);
  const isNamed = typeof errcode === "string" && /^[A-Z][A-Z0-9_.]{0,60}$/.test(errcode);
  const said = isNamed
    ? `${host} says: ${visibleText(typeof error === "string" ? error : "")
        .replaceAll(/\s+/g, " ")
        .slice(0, 300)} (${errcode})`
    : `${host} answers with status ${status}`;
  return new Refused(
    host,
    status,
    isNamed ? errcode : undefined,
    said,
    waitOf(headers.get("retry-after"), rest, now),
    soft_logout === true,
    body,
  );
}

export const isRefusal = (error: unknown, ...codes: readonly string[]): error is Refused =>
  error instanceof Refused && error.errcode !== undefined && codes.includes(error.errcode);

/** The login is over, as far as the homeserver says so. */
export const isLoggedOut = (error: unknown): error is Refused =>
  isRefusal(error, "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED");

const hints: Readonly<Record<string, string>> = {
  M_FORBIDDEN: "is the account in the room, and may it write there?",
  M_TOO_LARGE: "it is larger than the homeserver takes",
  M_GUEST_ACCESS_FORBIDDEN: "a guest may not do this: use an account of its own",
};

/** `error` is what a request threw. `isSafe`: repeating it does no harm. */
export function failureOf(error: unknown, credentials: Pick<Credentials, "kind" | "secret">, isSafe: boolean): unknown {
  if (!(error instanceof Refused)) return error;
  const { status, errcode, message, retryAfterMs, softLogout } = error;
  if (status === 429 || errcode === "M_LIMIT_EXCEEDED") {
    return channelErrors.CHANNEL_RATE_LIMITED(message, { retryAfterMs: retryAfterMs ?? 1000 });
  }
  if (isLoggedOut(error)) return loginRequired(message, howToLogIn(credentials), { softLogout });
  if (status >= 500 || status < 400) {
    return isSafe || status === 503 ? channelErrors.CHANNEL_UNAVAILABLE(message) : channelErrors.CHANNEL_UNCERTAIN(message);
  }
  const hint = errcode === undefined ? undefined : hints[errcode];
  return hint === undefined
    ? channelErrors.CHANNEL_REJECTED(message)
    : channelErrors.CHANNEL_REJECTED(`${message}: ${hint}`, { data: { hint } });
}

/**
 * What Discord said of how much may be asked (discord.com/developers/docs/topics/rate-limits). What would be refused is not asked: who is refused
 * ten thousand times in ten minutes is shut out. Nothing waits here, since delivery does.
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";

/** Routes that are remembered. */
const MOST = 1_000;

export interface Limits {
  /** Throws `CHANNEL_RATE_LIMITED`. */
  check(route: string): void;
  /** Learns from an answer; throws when it is a refusal. `body` is what a 429 says. */
  learn(route: string, response: Response, body: string): void;
}

/** What shares a limit: a method and a path, of which the first id counts. */
export function routeOf(method: string, url: string): string {
  const [, root = "", rest = ""] = /^(?:.*\/v\d+)?(\/(?:channels|guilds|webhooks)\/\d+)?(.*)$/.exec(new URL(url).pathname) ?? [];
  // What can be answered by a token has it in its path, and limits of its own: nothing of it is kept, or said.
  if (root.startsWith("/webhooks") || rest.startsWith("/interactions")) return `${method} an interaction`;
  const path = rest.replace(/\/reactions\/.*/, "/reactions").replace(/\/\d{15,20}(?=\/|$)/g, "/:id");
  return `${method} ${root}${path}`;
}

const isInteraction = (route: string): boolean => route.endsWith(" an interaction");

export function createLimits(clock: Clock): Limits {
  /** Until when, in monotonic milliseconds. */
  const shut = new Map<string, number>();
  let allUntil = 0;

  const refuse = (until: number, what: string): never => {
    const retryAfterMs = Math.max(1, Math.ceil(until - clock.monotonic()));
    throw channelErrors.CHANNEL_RATE_LIMITED(`Discord asks to wait ${retryAfterMs} ms (${what})`, { retryAfterMs });
  };
  const close = (route: string, until: number) => {
    const now = clock.monotonic();
    if (shut.size >= MOST) for (const [other, time] of shut) if (time <= now) shut.delete(other);
    shut.set(route, until);
  };

  return {
    check(route) {
      if (isInteraction(route)) return;
      const now = clock.monotonic();
      if (allUntil > now) refuse(allUntil, "everything");
      const until = shut.get(route);
      if (until === undefined) return;
      if (until > now) refuse(until, route);
      shut.delete(route);
    },
    learn(route, { status, headers }, body) {
      const after = (seconds: number) => clock.monotonic() + seconds * 1000;
      if (status === 429) {
        const said = waitOf(body);
        const seconds = said.seconds ?? positive(headers.get("retry-after")) ?? 1;
        if (said.isGlobal || headers.has("x-ratelimit-global")) {
          allUntil = after(seconds);
          refuse(allUntil, "everything");
        }
        // Whoever asked waits; others of that route are told so themselves.
        refuse(after(seconds), route);
      }
      if (isInteraction(route)) return;
      const reset = positive(headers.get("x-ratelimit-reset-after"));
      if (headers.get("x-ratelimit-remaining") === "0" && reset !== undefined) close(route, after(reset));
    },
  };
}

function positive(text: string | null): number | undefined {
  const number = Number(text);
  return text !== null && Number.isFinite(number) && number > 0 ? number : undefined;
}

/** Whoever stands in front of Discord refuses in words of its own. */
function waitOf(body: string): { readonly seconds?: number; readonly isGlobal: boolean } {
  try {
    const { retry_after: seconds, global } = JSON.parse(body) as { retry_after?: unknown; global?: unknown };
    return { isGlobal: global === true, ...(typeof seconds === "number" && seconds > 0 ? { seconds } : {}) };
  } catch {
    return { isGlobal: false }; // silent-ok: the headers say it
  }
}

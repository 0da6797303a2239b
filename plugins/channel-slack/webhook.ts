/** An account that Slack calls: the route for events, presses and commands (docs.slack.dev/authentication/verifying-requests-from-slack). */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Logger } from "@pincer/plugin-sdk";
import { readWithin } from "@pincer/plugin-sdk/channel/media";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ChannelStatus } from "@pincer/plugin-sdk/contracts/channel";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { HandIn, Kind } from "./hand-in.ts";
import type { Receiving } from "./incoming.ts";

export const ROUTE = "/plugins/channel-slack";

/** Far above what Slack sends: files are elsewhere. */
const MOST_BYTES = 4 * 1024 * 1024;
/** Older ones are somebody's who has listened. */
const LONGEST_AGE_SECONDS = 300;

interface Called extends Receiving {
  readonly signingSecret: string;
  readonly signal: AbortSignal;
  readonly end: (error: unknown) => void;
}

interface ReceiverDeps {
  readonly clock: Clock;
  readonly handIn: HandIn;
  readonly log: Logger;
}

function isSigned(body: Uint8Array, headers: Headers, secret: string, now: number): boolean {
  const [timestamp, signature] = [headers.get("x-slack-request-timestamp") ?? "", headers.get("x-slack-signature") ?? ""];
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now / 1000 - Number(timestamp)) > LONGEST_AGE_SECONDS) return false;
  const own = Buffer.from(`v0=${createHmac("sha256", secret).update(`v0:${timestamp}:`).update(body).digest("hex")}`);
  const given = Buffer.from(signature);
  return own.length === given.length && timingSafeEqual(own, given);
}

interface Brought {
  readonly kind: Kind | "url_verification" | "ssl_check";
  readonly payload: unknown;
}

/** Undefined when it is nothing that Slack brings. */
function broughtIn(text: string, contentType: string): Brought | undefined {
  try {
    if (!contentType.startsWith("application/x-www-form-urlencoded")) {
      const payload: unknown = JSON.parse(text);
      if (typeof payload !== "object" || payload === null) return undefined;
      return { kind: (payload as { type?: unknown }).type === "url_verification" ? "url_verification" : "events_api", payload };
    }
    const form = Object.fromEntries(new URLSearchParams(text));
    if (form["ssl_check"] === "1") return { kind: "ssl_check", payload: form };
    return form["payload"] === undefined
      ? { kind: "slash_commands", payload: form }
      : { kind: "interactive", payload: JSON.parse(form["payload"]) as unknown };
  } catch {
    return undefined; // silent-ok: told by the caller
  }
}

/** The accounts that are called, and the route on which they are. */
export function createReceiver({ clock, handIn, log }: ReceiverDeps) {
  const accounts = new Map<string, Called>();

  async function answer({ kind, payload }: Brought, called: Called): Promise<Response> {
    if (kind === "url_verification") return new Response(String((payload as { challenge?: unknown }).challenge ?? ""));
    if (kind === "ssl_check") return new Response(null, { status: 200 });
    const { account } = called.bot;
    try {
      if (handIn.isEnd(kind, payload)) await called.bot.self(called.signal).catch(called.end);
      await handIn.hand(kind, payload, called);
      return new Response(null, { status: 200 });
    } catch (error) {
      log.warn("slack.event-not-kept", { account, error: errorMessage(error) });
      return new Response("not kept: bring it again", { status: 500 });
    }
  }

  return {
    /** Ends with the signal. What comes while nobody receives is refused, so that Slack brings it again. */
    async *receive(
      receiving: Receiving,
      signingSecret: string,
      onReady: () => void,
      signal: AbortSignal,
    ): AsyncGenerator<ChannelStatus, void, void> {
      const { account } = receiving.bot;
      const over = Promise.withResolvers<void>();
      over.promise.catch(() => undefined); // silent-ok: it is awaited below
      const called: Called = { ...receiving, signingSecret, signal, end: over.reject };
      const stop = () => over.resolve();
      signal.addEventListener("abort", stop, { once: true });
      accounts.set(account, called);
      try {
        onReady();
        yield { state: "connected", self: `@${receiving.self.name}` };
        if (!signal.aborted) await over.promise;
      } finally {
        signal.removeEventListener("abort", stop);
        if (accounts.get(account) === called) accounts.delete(account);
      }
    },

    async route(request: Request): Promise<Response> {
      if (request.method !== "POST") return new Response("only POST", { status: 405, headers: { allow: "POST" } });
      const account = new URL(request.url).pathname.slice(ROUTE.length + 1);
      const called = accounts.get(account);
      if (!called) return new Response("nobody receives here now", { status: 503, headers: { "retry-after": "5" } });
      const body = await readWithin(new Response(request.body, { headers: request.headers }), MOST_BYTES);
      if (body === undefined) return new Response("too long", { status: 413 });
      if (!isSigned(body, request.headers, called.signingSecret, clock.now())) return new Response("wrong signature", { status: 401 });
      const brought = broughtIn(new TextDecoder().decode(body), request.headers.get("content-type") ?? "");
      if (brought) return await answer(brought, called);
      log.error("slack.event-unreadable", { account, bytes: body.length });
      // It would be no better the next time.
      return new Response("not readable", { status: 400, headers: { "x-slack-no-retry": "1" } });
    },
  };
}

/** The route of the accounts: whom it believes, what it takes, and what it answers. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ChannelStatus } from "@pincer/plugin-sdk/contracts/channel";
import type { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { Value } from "@sinclair/typebox/value";
import type { Settings } from "./config.ts";
import { Event, readEvent } from "./event.ts";
import { distrust } from "./signature.ts";
import type { Waiting } from "./waiting.ts";

export const ROUTE = "/plugins/channel-webhook";

export const LONGEST_WAIT_SECONDS = 300;

/** What a caller is told in place of what it asked for, by status. */
const refusals = {
  WEBHOOK_METHOD: 405,
  WEBHOOK_ACCOUNT: 404,
  WEBHOOK_STOPPED: 503,
  WEBHOOK_SIGNATURE: 401,
  WEBHOOK_EVENT: 400,
  WEBHOOK_WAIT: 400,
  WEBHOOK_SENDER: 403,
  WEBHOOK_UNKEPT: 503,
} as const;

const refuse = (code: keyof typeof refusals, message: string): Response =>
  Response.json(
    { status: "refused", error: { code, message } },
    {
      status: refusals[code],
      headers: {
        "cache-control": "no-store",
        ...(refusals[code] === 503 && { "retry-after": "5" }),
        ...(code === "WEBHOOK_METHOD" && { allow: "POST" }),
      },
    },
  );

const answer = (status: number, body: object): Response => Response.json(body, { status, headers: { "cache-control": "no-store" } });

export interface Receiving {
  readonly account: string;
  readonly settings: Settings;
  readonly secret: string;
}

interface ReceiverDeps {
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly waiting: Waiting;
  /** Of the plugin's life. */
  readonly signal: AbortSignal;
  /** Whether the configuration has it, also while it does not receive. */
  isAccount(account: string): boolean;
}

export function createReceiver({ inbox, clock, log, waiting, signal, isAccount }: ReceiverDeps) {
  const accounts = new Map<string, Receiving>();

  async function take({ account, settings }: Receiving, event: Event, seconds: number, gone: AbortSignal): Promise<Response> {
    const message = readEvent(event, { account, mediaBytes: settings.mediaBytes, now: clock.now(), isAwaited: seconds > 0 });
    // Before it is handed in: the answer may be there before the inbox has said that it took the question. Who does not wait is given none: it would be lost.
    using waiter = seconds > 0 ? waiting.wait(clock, message.address, event.id, seconds * 1000, gone) : undefined;
    const { status, reason, runId } = await inbox.accept({ message }, { signal });
    if (status === "refused") return refuse("WEBHOOK_SENDER", reason ?? "the sender is not admitted");
    const taken = { status, ...(runId !== undefined && { runId }) };
    const posting = status === "duplicate" ? waiter?.given : await waiter?.answer;
    if (!posting) return answer(status === "duplicate" ? 200 : 202, taken);
    const { text, choices, attachments } = posting;
    return answer(200, { ...taken, status: "answered", text, ...(choices && { choices }), ...(attachments && { attachments }) });
  }

  return {
    /** Ends with the signal. What comes while nobody receives is refused, so that the caller brings it again. */
    async *receive(receiving: Receiving, until: AbortSignal): AsyncGenerator<ChannelStatus, void, void> {
      const { account } = receiving;
      accounts.set(account, receiving);
      try {
        yield { state: "connected", self: `${ROUTE}/${account}` };
        if (!until.aborted) await new Promise<void>((stop) => until.addEventListener("abort", () => stop(), { once: true }));
      } finally {
        if (accounts.get(account) === receiving) accounts.delete(account);
      }
    },

    async route(request: Request): Promise<Response> {
      const url = new URL(request.url);
      const account = url.pathname.slice(ROUTE.length + 1);
      if (!isAccount(account))
        return refuse("WEBHOOK_ACCOUNT", `channels.webhook has no account "${account.slice(0, 100)}"; the address is ${ROUTE}/<account>`);
      if (request.method !== "POST") return refuse("WEBHOOK_METHOD", `expected POST, came ${request.method}`);
      const receiving = accounts.get(account);
      if (!receiving) return refuse("WEBHOOK_STOPPED", `the account "${account}" does not receive now: pincer channels status says why`);
      const body = new Uint8Array(await request.arrayBuffer());
      const why = distrust(receiving.secret, clock.now(), request.headers, body);
      if (why !== undefined) {
        log.warn("webhook.distrusted", { account, bytes: body.length, why });
        return refuse("WEBHOOK_SIGNATURE", why);
      }
      const event = parsed(body);
      if (typeof event === "string") return refuse("WEBHOOK_EVENT", event);
      const wait = url.searchParams.get("wait") ?? "0";
      const seconds = /^\d{1,3}$/.test(wait) ? Number(wait) : Number.NaN;
      if (!(seconds <= LONGEST_WAIT_SECONDS))
        return refuse("WEBHOOK_WAIT", `expected wait=<0 to ${LONGEST_WAIT_SECONDS} seconds>, came "${wait.slice(0, 20)}"`);
      try {
        return await take(receiving, event, seconds, request.signal);
      } catch (error) {
        log.warn("webhook.event-not-kept", { account, event: event.id, error: errorMessage(error) });
        return refuse("WEBHOOK_UNKEPT", "it was not kept: bring it again, under the same id");
      }
    },
  };
}

/** The event, or what is wrong with it. */
function parsed(body: Uint8Array): Event | string {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return "expected an object of JSON in UTF-8"; // silent-ok: told to the caller
  }
  const [wrong] = Value.Errors(Event, value);
  if (!wrong) return value as Event;
  const came = JSON.stringify(wrong.value) ?? "nothing";
  return `${wrong.path === "" ? "the body" : wrong.path}: ${wrong.message}; came ${came.length > 60 ? `${came.slice(0, 60)}…` : came}`;
}

/**
 * How a bot gets its updates (core.telegram.org/bots/api#getting-updates): by long poll, of which there is one at a time, or by webhook. The order
 * of things and the texts are those of the server that Telegram publishes (github.com/tdlib/telegram-bot-api, Client.cpp and WebhookActor.cpp).
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { bad, Refusal } from "./refusal.ts";

export interface Update {
  readonly update_id: number;
  readonly [kind: string]: unknown;
}

interface Poll {
  end(answer: { readonly conflict: string } | "look"): void;
}

const ANOTHER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
const BY_WEBHOOK = "Conflict: terminated by setWebhook request";
const ACTIVE = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";

const conflict = (what: string) => new Refusal(409, what);

/** How long a webhook that failed is left alone; Telegram begins with a second. */
const RESEND_MS = 20;

interface Webhook {
  readonly url: string;
  readonly secret: string | undefined;
  readonly since: AbortController;
}

export function createUpdates(clock: Clock, options: { readonly local: boolean }) {
  let waiting: Update[] = [];
  let next = 870_000_001;
  let kinds: readonly string[] = [];
  let poll: Poll | undefined;
  let webhook: Webhook | undefined;
  let lastError: { readonly last_error_date: number; readonly last_error_message: string } | undefined;
  /** Of deliveries to the webhook. */
  const delivered: { readonly update: number; readonly status: number }[] = [];

  const wakePoll = () => {
    const woken = poll;
    poll = undefined;
    woken?.end("look");
  };

  /** One chat's updates go one after the other, several chats' beside each other. */
  const lines = new Map<number, Promise<void>>();
  const chats = new WeakMap<Update, number>();
  function send(to: Webhook, update: Update): void {
    const line = chats.get(update) ?? 0;
    const attempt = async (): Promise<void> => {
      while (webhook === to && waiting.includes(update)) {
        const headers = { "content-type": "application/json", ...(to.secret && { "x-telegram-bot-api-secret-token": to.secret }) };
        const response = await fetch(to.url, { method: "POST", headers, body: JSON.stringify(update), signal: to.since.signal }).catch(
          () => undefined, // silent-ok: told as the webhook's last error
        );
        await response?.arrayBuffer();
        if (to.since.signal.aborted) return;
        delivered.push({ update: update.update_id, status: response?.status ?? 0 });
        if (response?.ok) {
          waiting = waiting.filter((other) => other !== update);
          return;
        }
        const what = response ? `Wrong response from the webhook: ${response.status} ${response.statusText}` : "Connection refused";
        lastError = { last_error_date: Math.floor(clock.now() / 1000), last_error_message: what };
        await clock.sleep(RESEND_MS, to.since.signal).catch(() => undefined); // silent-ok: the loop looks whether it goes on
      }
    };
    lines.set(line, (lines.get(line) ?? Promise.resolve()).then(attempt));
  }

  return {
    delivered,
    get pending() {
      return waiting.length;
    },
    /** Whether a long poll waits. */
    get isPolled() {
      return poll !== undefined;
    },
    get webhook() {
      return webhook?.url;
    },
    /** After a week in which nothing came, numbers begin anew anywhere. */
    renumber(from: number): void {
      next = from;
    },
    add(kind: string, value: unknown, chat: number): Update {
      const update: Update = { update_id: next++, [kind]: value };
      chats.set(update, chat);
      if (kinds.length > 0 && !kinds.includes(kind)) return update;
      waiting.push(update);
      if (webhook) send(webhook, update);
      else wakePoll();
      return update;
    },

    async getUpdates(
      { offset = 0, limit = 100, timeout = 0, allowed }: { offset?: number; limit?: number; timeout?: number; allowed?: readonly string[] },
      gone: AbortSignal,
    ): Promise<readonly Update[]> {
      if (webhook) throw conflict(ACTIVE);
      if (allowed) kinds = allowed;
      const look = () => {
        if (offset < 0) waiting = waiting.slice(offset);
        // One far ahead of what there is says nothing, and everything is given.
        else if (offset <= next + 10) waiting = waiting.filter(({ update_id }) => update_id >= offset);
        return waiting.slice(0, Math.min(100, Math.max(1, limit)));
      };
      const first = look();
      if (first.length > 0 || timeout === 0) return first;
      poll?.end({ conflict: ANOTHER });
      const answer = await new Promise<{ readonly conflict: string } | "look">((resolve) => {
        const own: Poll = { end: resolve };
        poll = own;
        const timer = clock.after(Math.min(50, timeout) * 1000, () => leave());
        const leave = () => {
          timer[Symbol.dispose]();
          if (poll === own) poll = undefined;
          resolve("look");
        };
        gone.addEventListener("abort", leave, { once: true });
      });
      if (answer !== "look") throw conflict(answer.conflict);
      return look();
    },

    setWebhook(url: string, secret: string | undefined, allowed: readonly string[] | undefined, drop: boolean): void {
      if (url !== "" && !url.startsWith("https://") && !options.local) throw bad("bad webhook: An HTTPS URL must be provided for webhook");
      if (secret !== undefined && secret.length > 256) throw bad("secret token is too long");
      if (secret !== undefined && !/^[\w-]*$/.test(secret)) throw bad("secret token contains unallowed characters");
      if (drop) waiting = [];
      if (allowed) kinds = allowed;
      webhook?.since.abort();
      webhook = undefined;
      lastError = undefined;
      if (url === "") return;
      poll?.end({ conflict: BY_WEBHOOK });
      poll = undefined;
      webhook = { url, secret, since: new AbortController() };
      for (const update of waiting) send(webhook, update);
    },

    info: () => ({
      url: webhook?.url ?? "",
      has_custom_certificate: false,
      pending_update_count: waiting.length,
      allowed_updates: kinds,
      ...lastError,
    }),

    close(): void {
      webhook?.since.abort();
      webhook = undefined;
      wakePoll();
    },
  };
}
export type Updates = ReturnType<typeof createUpdates>;

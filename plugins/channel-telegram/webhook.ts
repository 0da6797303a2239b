/** An account that Telegram calls: the route, and what is told to Telegram about it. */
import { timingSafeEqual } from "node:crypto";
import type { Logger } from "@pincer/plugin-sdk";
import { type ChannelStatus, channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Update, UserFromGetMe } from "grammy/types";
import type { Bot } from "./bot.ts";
import { type HandIn, WANTED } from "./hand-in.ts";

export const ROUTE = "/plugins/channel-telegram";

const SECRET_HEADER = "x-telegram-bot-api-secret-token";

/** An update is at most some hundred kilobytes; its files are elsewhere. */
const MOST_UPDATE_BYTES = 4 * 1024 * 1024;

/** Only who knows the token knows it, it changes with the token, and nobody has to keep it. */
const secretOf = (bot: Bot): string =>
  new Bun.CryptoHasher("sha256", bot.token).update(`pincer webhook ${bot.account}`).digest("base64url");

function isSame(given: string | null, secret: string): boolean {
  const [a, b] = [Buffer.from(given ?? ""), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const addressOf = (bot: Bot): string | undefined =>
  bot.settings.webhook && `${bot.settings.webhook.url.replace(/\/+$/, "")}${ROUTE}/${bot.account}`;

/** The rest of such an address may be somebody's secret. */
const hostOf = (url: string): string => URL.parse(url)?.host ?? "an address that is none";

/** Of a webhook that this plugin has set, here or under an earlier address. */
const isOwn = (url: string, account: string): boolean => URL.parse(url)?.pathname.endsWith(`${ROUTE}/${account}`) === true;

const webhookOf = async (bot: Bot, signal: AbortSignal) => await bot.call({ signal, isSafe: true }, (api) => api.getWebhookInfo());
type Webhook = Awaited<ReturnType<typeof webhookOf>>;

/** Where another program has its messages sent; undefined when nobody else does. */
const foreignHost = ({ url = "" }: Webhook, account: string): string | undefined =>
  url === "" || isOwn(url, account) ? undefined : hostOf(url);

const howToReplace = (host: string): string =>
  `another program has set a webhook for this bot (at ${host}): end it there, or take the bot over with channels.telegram.replaceWebhook: true`;

/** Tells Telegram how this account is reached from now on: by webhook, or not. Messages that wait are kept. */
export async function settleWebhook(bot: Bot, signal: AbortSignal): Promise<void> {
  const before = await webhookOf(bot, signal);
  const foreign = foreignHost(before, bot.account);
  if (foreign !== undefined && bot.settings.replaceWebhook !== true) throw channelErrors.CHANNEL_UNAVAILABLE(howToReplace(foreign));
  const url = addressOf(bot);
  if (url === undefined && (before.url ?? "") === "") return;
  await bot.call({ signal, isSafe: true }, (api) =>
    url === undefined ? api.deleteWebhook({}) : api.setWebhook({ url, secret_token: secretOf(bot), allowed_updates: [...WANTED] }),
  );
}

/** For how long a failure of the webhook is news. */
const RECENT_MS = 3_600_000;

/** What is wrong with the bot's webhook, and what to do about it; undefined when all is well. */
export async function webhookTrouble(
  bot: Bot,
  now: number,
  signal: AbortSignal,
): Promise<{ readonly detail: string; readonly hint: string } | undefined> {
  const webhook = await webhookOf(bot, signal);
  const foreign = foreignHost(webhook, bot.account);
  if (foreign !== undefined && bot.settings.replaceWebhook !== true) {
    return { detail: "Telegram sends this bot's messages elsewhere.", hint: howToReplace(foreign) };
  }
  const { last_error_date, last_error_message = "it does not say why" } = webhook;
  if (!bot.settings.webhook || last_error_date === undefined || last_error_date * 1000 < now - RECENT_MS) return undefined;
  return {
    detail: `Telegram could not reach the webhook: ${last_error_message}.`,
    hint: "channels.telegram.webhook.url must lead from the internet to this gateway, over https, on port 443, 80, 88 or 8443",
  };
}

interface Receiving {
  readonly bot: Bot;
  readonly me: UserFromGetMe;
}

/** The accounts that are called, and the route on which they are. */
export function createReceiver(handIn: HandIn, log: Logger) {
  const accounts = new Map<string, Receiving>();

  return {
    /** Ends with the signal. What comes while nobody receives is refused, so that Telegram brings it again. */
    async *receive(receiving: Receiving, signal: AbortSignal): AsyncGenerator<ChannelStatus, void, void> {
      const { account } = receiving.bot;
      accounts.set(account, receiving);
      try {
        yield { state: "connected", self: `@${receiving.me.username}` };
        if (!signal.aborted) await new Promise<void>((stop) => signal.addEventListener("abort", () => stop(), { once: true }));
      } finally {
        if (accounts.get(account) === receiving) accounts.delete(account);
      }
    },

    async route(request: Request): Promise<Response> {
      const account = new URL(request.url).pathname.slice(ROUTE.length + 1);
      if (request.method !== "POST") return new Response("only POST", { status: 405, headers: { allow: "POST" } });
      const receiving = accounts.get(account);
      if (!receiving) return new Response("nobody receives here now", { status: 503, headers: { "retry-after": "5" } });
      const { bot, me } = receiving;
      if (!isSame(request.headers.get(SECRET_HEADER), secretOf(bot))) return new Response("wrong secret", { status: 401 });
      const text = await request.text();
      const update = text.length > MOST_UPDATE_BYTES ? undefined : parsed(text);
      // Telegram would bring it again for a day; it would be no better then.
      if (!update) {
        log.error("telegram.update-unreadable", { account, bytes: text.length });
        return new Response("no update");
      }
      try {
        await handIn({ bot, me, updates: [update], isPolled: false });
        return new Response("ok");
      } catch (error) {
        log.warn("telegram.update-not-kept", { account, update: update.update_id, error: errorMessage(error) });
        return new Response("not kept: bring it again", { status: 500 });
      }
    },
  };
}

function parsed(text: string): Update | undefined {
  try {
    const update: unknown = JSON.parse(text);
    return Number.isInteger((update as Partial<Update> | null)?.update_id) ? (update as Update) : undefined;
  } catch {
    return undefined; // silent-ok: told by the caller
  }
}

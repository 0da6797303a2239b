/** One account's way to the Bot API: grammY's client over the plugin's own `fetch`, which repeats nothing and says nothing of the token. */
import { readWithin } from "@pincer/plugin-sdk/channel/media";
import { failedRequest } from "@pincer/plugin-sdk/channel/transport";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { UserFromGetMe } from "grammy/types";
import { Api, type RawApi } from "grammy/web";
import { type Settings, settingsOf, type TelegramConfig, tokenOf } from "./config.ts";
import { failureOf } from "./failure.ts";

/** `fetch` without what Bun adds to it. */
type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface BotContext {
  readonly config: TelegramConfig;
  readonly clock: Clock;
  readonly fetch: Fetch;
  secret(name: string): Promise<string | undefined>;
}

interface CallOptions {
  readonly signal: AbortSignal;
  /** Repeating it does no harm. */
  readonly isSafe?: boolean;
  /** Beside the time that any answer may take. */
  readonly extraMs?: number;
}

export interface Bot {
  readonly account: string;
  readonly settings: Settings;
  readonly token: string;
  /** Throws in the codes of `channelErrors`. */
  call<T>(options: CallOptions, make: (api: RawApi) => Promise<T>): Promise<T>;
  /** As `call`, but what Telegram refuses is thrown as grammY has it. */
  attempt<T>(options: CallOptions, make: (api: RawApi) => Promise<T>): Promise<T>;
  failure(error: unknown, isSafe?: boolean): unknown;
  me(signal: AbortSignal): Promise<UserFromGetMe>;
  /** What `getFile` said the path of. */
  file(path: string, signal: AbortSignal): Promise<Response>;
}

/** Far above what the Bot API sends, 4 MB of updates. */
const MOST_ANSWER_BYTES = 32 * 1024 * 1024;

/** How much longer than an answer a file may take, in either direction. */
const FILE_FACTOR = 4;

export async function openBot(context: BotContext, account: string): Promise<Bot> {
  const settings = settingsOf(context.config, account);
  const { token, secret } = await tokenOf(context.secret, settings, account);
  const host = new URL(settings.apiRoot).host;

  /** Runs with a signal that aborts with the caller's, or when the time is over. */
  async function within<T>(ms: number, caller: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using linked = linkSignals(caller);
    using _timer = context.clock.after(ms, () => linked.abort(new DOMException(`no answer in ${ms} ms`, "TimeoutError")));
    return await run(linked.signal);
  }

  function transport({ signal, isSafe = false, extraMs = 0 }: CallOptions): Fetch {
    const exchange = async (input: string | URL | Request, init: RequestInit | undefined, limited: AbortSignal): Promise<Response> => {
      const response = await context.fetch(input, { ...init, redirect: "manual", signal: limited });
      const bytes = await readWithin(response, MOST_ANSWER_BYTES);
      if (bytes === undefined) throw new Error("more than is read");
      const text = new TextDecoder().decode(bytes);
      return isAnswer(text) ? new Response(text, { headers: { "content-type": "application/json" } }) : refuse(response, text, isSafe);
    };
    return async (input, init) => {
      const isFile = init?.body instanceof ReadableStream;
      // It is in memory anyway, and so it has a length.
      const whole = isFile ? { ...init, body: await new Response(init.body).arrayBuffer() } : init;
      try {
        return await within(settings.requestTimeoutMs * (isFile ? FILE_FACTOR : 1) + extraMs, signal, (limited) =>
          exchange(input, whole, limited),
        );
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw failedRequest(error, host, isSafe);
      }
    };
  }

  /** Whoever stands in front of the server answers in words of its own. */
  function refuse({ status, headers }: Response, text: string, isSafe: boolean): never {
    const said = `${host} answers with status ${status}`;
    if (status === 429) {
      const seconds = Number(headers.get("retry-after") ?? 1);
      throw channelErrors.CHANNEL_RATE_LIMITED(said, { retryAfterMs: Math.max(1, Number.isFinite(seconds) ? seconds : 1) * 1000 });
    }
    if (isSafe || status === 503) throw channelErrors.CHANNEL_UNAVAILABLE(said);
    if (status >= 500 || status < 400) throw channelErrors.CHANNEL_UNCERTAIN(text === "" ? `${said} and nothing else` : said);
    throw channelErrors.CHANNEL_REJECTED(said);
  }

  const attempt: Bot["attempt"] = (options, make) =>
    // The signal goes to the transport: grammY types it after a library's, and would wait no longer for what was begun.
    make(new Api(token, { apiRoot: settings.apiRoot, fetch: transport(options) as typeof fetch, timeoutSeconds: 3_600 }).raw);
  const failure: Bot["failure"] = (error, isSafe = false) => failureOf(error, { isSafe, secret });
  const call: Bot["call"] = async (options, make) => {
    try {
      return await attempt(options, make);
    } catch (error) {
      throw failure(error, options.isSafe);
    }
  };
  return {
    ...{ account, settings, token, call, attempt, failure },
    me: (signal) => call({ signal, isSafe: true }, (api) => api.getMe()),
    async file(path, signal) {
      const address = `${settings.apiRoot}/file/bot${token}/${path.split("/").map(encodeURIComponent).join("/")}`;
      try {
        return await context.fetch(address, { redirect: "manual", signal });
      } catch (error) {
        throw signal.aborted ? signal.reason : failedRequest(error, host, true);
      }
    },
  };
}

/** The form that every answer of the Bot API has. */
function isAnswer(text: string): boolean {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === "object" && answer !== null && typeof (answer as { readonly ok?: unknown }).ok === "boolean";
  } catch {
    return false; // silent-ok: told by status
  }
}

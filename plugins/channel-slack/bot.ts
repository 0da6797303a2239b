/** One account's way to the Web API: Slack's client over the plugin's own `fetch`, which repeats nothing, waits for no limit, and says nothing of a token. */
import { readWithin } from "@pincer/plugin-sdk/channel/media";
import { failedRequest } from "@pincer/plugin-sdk/channel/transport";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { type Logger, LogLevel, WebClient } from "@slack/web-api";
import { type Login, loginOf, type Settings, type SlackConfig, settingsOf } from "./config.ts";
import { failureOf } from "./failure.ts";
import { placed } from "./hosts.ts";

/** `fetch` without what Bun adds to it. */
type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface BotContext {
  readonly config: SlackConfig;
  readonly clock: Clock;
  readonly fetch: Fetch;
  secret(name: string): Promise<string | undefined>;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  /** Repeating it does no harm. */
  readonly isSafe?: boolean;
}

/** Who the bot is in its workspace. */
export interface Self {
  readonly user: string;
  readonly bot: string | undefined;
  readonly name: string;
  readonly team: string | undefined;
  /** What the token may, as Slack says with every answer; absent where something else answers in its place. */
  readonly scopes: readonly string[] | undefined;
}

export interface Bot {
  readonly account: string;
  readonly settings: Settings;
  readonly login: Login;
  /** Throws in the codes of `channelErrors`. */
  call<T>(options: CallOptions, ask: (client: WebClient) => Promise<T>): Promise<T>;
  /** As `call`, but what Slack refuses is thrown as its client has it. */
  attempt<T>(options: CallOptions, ask: (client: WebClient) => Promise<T>): Promise<T>;
  failure(error: unknown, isSafe?: boolean): unknown;
  self(signal: AbortSignal): Promise<Self>;
  /** Where a connection of Socket Mode leads, asked for with the app-level token. */
  socketUrl(signal: AbortSignal): Promise<string>;
  /** A file's bytes, from where Slack says that they are. */
  file(address: string, signal: AbortSignal): Promise<Response>;
  /** Hands over bytes for a file that is not shown yet. */
  upload(address: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Answers a command by the address that came with it, which needs no token. */
  respond(address: string, body: object, signal: AbortSignal): Promise<void>;
}

/** Far above a page of messages. */
const MOST_ANSWER_BYTES = 16 * 1024 * 1024;

/** How much longer than an answer a file may take. */
const FILE_FACTOR = 4;

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  getLevel: () => LogLevel.ERROR,
  setName() {},
};

export async function openBot(context: BotContext, account: string): Promise<Bot> {
  const settings = settingsOf(context.config, account);
  const login = await loginOf("token", context.secret, settings, account);
  const host = new URL(settings.slackApiUrl).host;

  /** Runs with a signal that aborts with the caller's, or when the time is over. */
  async function within<T>(ms: number, caller: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using linked = linkSignals(caller);
    using _timer = context.clock.after(ms, () => linked.abort(new DOMException(`no answer in ${ms} ms`, "TimeoutError")));
    return await run(linked.signal);
  }

  const transport =
    ({ signal, isSafe = false }: CallOptions): Fetch =>
    async (input, init) => {
      try {
        return await within(settings.requestTimeoutMs, signal, async (limited) => {
          const response = await context.fetch(input, { ...init, redirect: "manual", signal: limited });
          const bytes = await readWithin(response, MOST_ANSWER_BYTES);
          if (bytes === undefined) throw new Error("more than is read");
          const text = new TextDecoder().decode(bytes);
          if (response.status !== 200 || !isAnswer(text)) refuse(response, isSafe);
          return new Response(text, { headers: response.headers });
        });
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw failedRequest(error, host, isSafe);
      }
    };

  /** Slack itself answers with another status than 200 only to say that it is too much; else whoever stands in front of it does. */
  function refuse({ status, headers }: Response, isSafe: boolean): never {
    const said = `${host} answers with status ${status}`;
    if (status === 429) {
      const seconds = Number(headers.get("retry-after") ?? 1);
      throw channelErrors.CHANNEL_RATE_LIMITED(said, { retryAfterMs: Math.max(1, Number.isFinite(seconds) ? seconds : 1) * 1000 });
    }
    if (isSafe || status === 503) throw channelErrors.CHANNEL_UNAVAILABLE(said);
    if (status >= 500 || status < 400) throw channelErrors.CHANNEL_UNCERTAIN(said);
    throw channelErrors.CHANNEL_REJECTED(said);
  }

  /** It lives for one call, so that nothing of it waits or is repeated behind anybody's back. */
  const client = (token: string, options: CallOptions): WebClient =>
    new WebClient(token, {
      slackApiUrl: settings.slackApiUrl,
      fetch: transport(options),
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      allowAbsoluteUrls: false,
      logger: silent,
    });
  const attempt: Bot["attempt"] = (options, ask) => ask(client(login.value, options));
  const failure: Bot["failure"] = (error, isSafe = false) => failureOf(error, { isSafe, credential: "token", secret: login.secret });
  const call: Bot["call"] = async (options, ask) => {
    try {
      return await attempt(options, ask);
    } catch (error) {
      throw failure(error, options.isSafe);
    }
  };

  return {
    ...{ account, settings, login, call, attempt, failure },
    async self(signal) {
      const { user_id, bot_id, user, team_id, response_metadata } = await call({ signal, isSafe: true }, (api) => api.auth.test());
      if (user_id === undefined) throw channelErrors.CHANNEL_UNAVAILABLE(`${host} does not say who the bot is`);
      return { user: user_id, bot: bot_id, name: user ?? user_id, team: team_id, scopes: response_metadata?.scopes };
    },
    async socketUrl(signal) {
      const app = await loginOf("appToken", context.secret, settings, account);
      try {
        const { url } = await client(app.value, { signal, isSafe: true }).apps.connections.open({});
        return placed(url ?? "", settings);
      } catch (error) {
        throw failureOf(error, { isSafe: true, credential: "appToken", secret: app.secret });
      }
    },
    async file(address, signal) {
      const place = placed(address, settings);
      try {
        return await context.fetch(place, { headers: { authorization: `Bearer ${login.value}` }, redirect: "manual", signal });
      } catch (error) {
        throw signal.aborted ? signal.reason : failedRequest(error, new URL(place).host, true);
      }
    },
    async respond(address, body, signal) {
      const place = placed(address, settings);
      try {
        await within(settings.requestTimeoutMs, signal, async (limited) => {
          const headers = { "content-type": "application/json" };
          const init = { method: "POST", headers, body: JSON.stringify(body), redirect: "manual" as const, signal: limited };
          const response = await context.fetch(place, init);
          await response.body?.cancel();
          if (!response.ok) refuse(response, false);
        });
      } catch (error) {
        throw signal.aborted ? signal.reason : failedRequest(error, new URL(place).host, false);
      }
    },
    async upload(address, bytes, signal) {
      const place = placed(address, settings);
      const to = new URL(place).host;
      try {
        await within(settings.requestTimeoutMs * FILE_FACTOR, signal, async (limited) => {
          const headers = { "content-type": "application/octet-stream" };
          const body = bytes as Uint8Array<ArrayBuffer>;
          const response = await context.fetch(place, { method: "POST", headers, body, redirect: "manual", signal: limited });
          await response.body?.cancel();
          // Nobody has seen anything of it yet.
          if (!response.ok) refuse(response, response.status >= 500);
        });
      } catch (error) {
        throw signal.aborted ? signal.reason : failedRequest(error, to, true);
      }
    },
  };
}

/** The form that every answer of the Web API has. */
function isAnswer(text: string): boolean {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === "object" && answer !== null && typeof (answer as { readonly ok?: unknown }).ok === "boolean";
  } catch {
    return false; // silent-ok: told by status
  }
}

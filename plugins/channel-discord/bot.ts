/** One account's way to Discord's REST API: the SDK's client over the plugin's own `fetch`, which repeats nothing, queues nothing and waits for no limit. */
import { REST, type ResponseLike } from "@discordjs/rest";
import { readWithin } from "@pincer/plugin-sdk/channel/media";
import { failedRequest } from "@pincer/plugin-sdk/channel/transport";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { type APIUser, Routes } from "discord-api-types/v10";
import { type DiscordConfig, type Settings, settingsOf, tokenOf } from "./config.ts";
import { failureOf } from "./failure.ts";
import { createLimits, type Limits, routeOf } from "./limits.ts";

/** `fetch` without what Bun adds to it. */
type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface BotContext {
  readonly config: DiscordConfig;
  readonly clock: Clock;
  readonly fetch: Fetch;
  secret(name: string): Promise<string | undefined>;
}

interface CallOptions {
  readonly signal: AbortSignal;
  /** Repeating it does no harm. */
  readonly isSafe?: boolean;
}

export interface Bot {
  readonly account: string;
  readonly settings: Settings;
  readonly token: string;
  /** The secret that holds the token. */
  readonly secret: string | undefined;
  /** Throws in the codes of `channelErrors`. What Discord answers is as its documentation has it, which `T` names. */
  call<T = unknown>(options: CallOptions, ask: (rest: REST) => Promise<unknown>): Promise<T>;
  /** As `call`, but what Discord refuses is thrown as the SDK has it. */
  attempt<T = unknown>(options: CallOptions, ask: (rest: REST) => Promise<unknown>): Promise<T>;
  failure(error: unknown, isSafe?: boolean): unknown;
  me(signal: AbortSignal): Promise<APIUser>;
  /** A file of Discord's, from where its address says. */
  file(address: string, signal: AbortSignal): Promise<Response>;
}

/** Far above a page of messages. */
const MOST_ANSWER_BYTES = 16 * 1024 * 1024;

/** How much longer than an answer a file may take. */
const FILE_FACTOR = 4;

/** Longer than the SDK's own timer ever runs: the clock is ours. */
const NEVER_MS = 2_147_483_647;

/** What Discord said to a bot is remembered as long as the plugin lives, since a bot is opened for each call. */
export class BotLimits {
  readonly #byToken = new Map<string, Limits>();

  of(clock: Clock, token: string): Limits {
    const limits = this.#byToken.get(token) ?? createLimits(clock);
    this.#byToken.set(token, limits);
    return limits;
  }
}

export async function openBot(context: BotContext, known: BotLimits, account: string): Promise<Bot> {
  const settings = settingsOf(context.config, account);
  const { token, secret } = await tokenOf(context.secret, settings, account);
  const limits = known.of(context.clock, token);
  const host = new URL(settings.apiRoot).host;

  /** Runs with a signal that aborts with the caller's, or when the time is over. */
  async function within<T>(ms: number, caller: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using linked = linkSignals(caller);
    using _timer = context.clock.after(ms, () => linked.abort(new DOMException(`no answer in ${ms} ms`, "TimeoutError")));
    return await run(linked.signal);
  }

  async function exchange(url: string, init: RequestInit, { signal, isSafe = false }: CallOptions): Promise<Response> {
    const route = routeOf(init.method ?? "GET", url);
    limits.check(route);
    const ms = settings.requestTimeoutMs * (init.body instanceof FormData ? FILE_FACTOR : 1);
    let answer: Response;
    let bytes: Uint8Array | undefined;
    try {
      [answer, bytes] = await within(ms, signal, async (limited) => {
        const response = await context.fetch(url, { ...init, redirect: "manual", signal: limited });
        return [response, await readWithin(response, MOST_ANSWER_BYTES)];
      });
      if (bytes === undefined) throw new Error("more than is read");
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw failedRequest(error, host, isSafe);
    }
    const text = new TextDecoder().decode(bytes);
    limits.learn(route, answer, text);
    if (!isDiscords(answer.status, text)) refuse(answer.status, isSafe);
    const { status } = answer;
    return status === 204
      ? new Response(null, { status })
      : new Response(text, { status, headers: { "content-type": "application/json" } });
  }

  /** Whoever stands in front of Discord answers in words of its own. */
  function refuse(status: number, isSafe: boolean): never {
    const said = `${host} answers with status ${status}`;
    if (status === 503 || isSafe) throw channelErrors.CHANNEL_UNAVAILABLE(said);
    if (status >= 500 || status < 400) throw channelErrors.CHANNEL_UNCERTAIN(said);
    throw channelErrors.CHANNEL_REJECTED(said);
  }

  const attempt = async <T>(options: CallOptions, ask: (rest: REST) => Promise<unknown>): Promise<T> => {
    // What it keeps of limits is by the system's clock, and for itself: it lives for one call.
    const rest = new REST({
      api: settings.apiRoot,
      version: "10",
      retries: 0,
      timeout: NEVER_MS,
      hashSweepInterval: 0,
      handlerSweepInterval: 0,
      rejectOnRateLimit: () => true,
      userAgentAppendix: "Pincer",
      makeRequest: async (url, init) => (await exchange(url, init as RequestInit, options)) as unknown as ResponseLike,
    }).setToken(token);
    return (await ask(rest)) as T;
  };
  const failure: Bot["failure"] = (error, isSafe = false) => failureOf(error, { isSafe, secret });
  const call = async <T>(options: CallOptions, ask: (rest: REST) => Promise<unknown>): Promise<T> => {
    try {
      return await attempt<T>(options, ask);
    } catch (error) {
      throw failure(error, options.isSafe);
    }
  };
  return {
    ...{ account, settings, token, secret, call, attempt, failure },
    me: (signal) => call<APIUser>({ signal, isSafe: true }, (rest) => rest.get(Routes.user())),
    async file(address, signal) {
      try {
        return await context.fetch(address, { redirect: "manual", signal });
      } catch (error) {
        throw signal.aborted ? signal.reason : failedRequest(error, new URL(address).host, true);
      }
    },
  };
}

/** Whether an answer has a form that Discord gives it: JSON, and a refusal with a code and a message. */
function isDiscords(status: number, text: string): boolean {
  if (status === 204) return true;
  try {
    const answer: unknown = JSON.parse(text);
    if (status < 400) return status < 300;
    const { code, message } = (answer ?? {}) as { readonly code?: unknown; readonly message?: unknown };
    return typeof code === "number" && typeof message === "string";
  } catch {
    return false; // silent-ok: told by status
  }
}

/** One way to a homeserver: requests of the Client-Server API over the plugin's own `fetch`, which repeat nothing and say nothing of a token. */
import { readWithin } from "@pincer/plugin-sdk/channel/media";
import { failedRequest } from "@pincer/plugin-sdk/channel/transport";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { Credentials, Settings } from "./config.ts";
import { failureOf, refusedBy } from "./failure.ts";

/** `fetch` without what Bun adds to it. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface Ask {
  readonly signal: AbortSignal;
  readonly method?: "GET" | "POST" | "PUT";
  /** Behind `/_matrix/`, each part encoded by whoever names it. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** JSON, as text where it was made elsewhere, or a file. */
  readonly body?: object | string | Blob;
  /** Repeating it does no harm; that of a `GET` or `PUT` never does, since a `PUT` carries its own transaction. */
  readonly isSafe?: boolean;
  /** Beside the time that any answer may take. */
  readonly extraMs?: number;
  /** Without a token. */
  readonly isOpen?: boolean;
}

export interface Homeserver {
  readonly host: string;
  /** The answer's text. Throws in the codes of `channelErrors`. */
  text(ask: Ask): Promise<string>;
  /** The answer, which is what the homeserver made it. */
  call(ask: Ask): Promise<unknown>;
  /** As `call`, but a refusal is thrown as `Refused`. */
  attempt(ask: Ask): Promise<unknown>;
  failure(error: unknown, isSafe?: boolean): unknown;
  /** A file, of which nothing is read yet. */
  file(ask: Pick<Ask, "path" | "query" | "signal">): Promise<Response>;
}

/** Above what a homeserver sends in one answer. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/** How much longer than an answer a file may take. */
const FILE_FACTOR = 4;

export interface Way {
  readonly clock: Clock;
  readonly fetch: Fetch;
  readonly settings: Settings;
  readonly credentials: Credentials;
  readonly token: string | undefined;
}

export function reach({ clock, fetch, settings, credentials, token }: Way): Homeserver {
  const { homeserver } = credentials;
  const host = new URL(homeserver).host;

  /** Runs with a signal that aborts with the caller's, or when the time is over. */
  async function within<T>(ms: number, caller: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using linked = linkSignals(caller);
    using _timer = clock.after(ms, () => linked.abort(new DOMException(`no answer in ${ms} ms`, "TimeoutError")));
    return await run(linked.signal);
  }

  function request(
    { method = "GET", path, query = {}, body, isOpen = false }: Omit<Ask, "signal">,
    signal: AbortSignal,
  ): Promise<Response> {
    const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
    const search = given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
    const type = body instanceof Blob ? body.type : "application/json";
    return fetch(`${homeserver}/_matrix/${path}${search}`, {
      method,
      headers: {
        ...(body !== undefined && { "content-type": type }),
        ...(!isOpen && token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: typeof body === "string" || body instanceof Blob ? body : JSON.stringify(body) }),
      redirect: "manual",
      signal,
    });
  }

  const isRepeatable = ({ method = "GET", isSafe }: Ask): boolean => isSafe ?? method !== "POST";

  async function exchange(ask: Ask): Promise<string> {
    const ms = settings.requestTimeoutMs * (ask.body instanceof Blob ? FILE_FACTOR : 1) + (ask.extraMs ?? 0);
    let response: Response;
    let bytes: Uint8Array | undefined;
    try {
      [response, bytes] = await within(ms, ask.signal, async (limited) => {
        const answer = await request(ask, limited);
        return [answer, await readWithin(answer, MOST_ANSWER_BYTES)];
      });
      if (bytes === undefined) throw new Error("more than is read");
    } catch (error) {
      if (ask.signal.aborted) throw ask.signal.reason;
      throw failedRequest(error, host, isRepeatable(ask));
    }
    const text = new TextDecoder().decode(bytes);
    if (response.status !== 200) throw refusedBy(host, response, text, clock.now());
    return text;
  }

  async function attempt(ask: Ask): Promise<unknown> {
    const text = await exchange(ask);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw failedRequest(Object.assign(new Error("no JSON", { cause: error }), { code: "NO_JSON" }), host, isRepeatable(ask));
    }
  }

  const failure: Homeserver["failure"] = (error, isSafe = false) => failureOf(error, credentials, isSafe);
  const told = async <T>(ask: Ask, run: (ask: Ask) => Promise<T>): Promise<T> => {
    try {
      return await run(ask);
    } catch (error) {
      throw failure(error, isRepeatable(ask));
    }
  };

  return {
    host,
    text: (ask) => told(ask, exchange),
    call: (ask) => told(ask, attempt),
    attempt,
    failure,
    async file({ signal, ...ask }) {
      try {
        return await request(ask, signal);
      } catch (error) {
        throw signal.aborted ? signal.reason : failedRequest(error, host, true);
      }
    },
  };
}

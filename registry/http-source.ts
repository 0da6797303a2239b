/**
 * The files of a registry on a web server. Whoever is told to wait waits as long as he is told, what breaks off goes on where it broke off, and what
 * stalls, or drips, is given up: everything here is checked against what was signed, so all that a bad server can do is not to answer.
 */
import { connectionTrouble } from "./connection-trouble.ts";
import { RegistryError } from "./error.ts";
import type { ReadOptions, RegistrySource } from "./source.ts";

/** As much of a clock as this needs. */
export interface SourceClock {
  /** Epoch milliseconds. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export type HttpFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface HttpReaderOptions {
  readonly clock: SourceClock;
  readonly fetch: HttpFetch;
  /**
   * Fetches what is of another origin than the address that was named, since the server at `from` leads there. Rejects with a `RegistryError` where that
   * one may not lead. Absent: nobody is led to another origin.
   */
  readonly fetchLed?: (url: URL, init: RequestInit, from: URL) => Promise<Response>;
  /** Told before each wait, so that a person sees why nothing happens. */
  readonly onWait?: (why: string, ms: number) => void;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpSourceOptions extends HttpReaderOptions {
  /** The registry's address. */
  readonly url: string;
}

export interface HttpReadOptions extends ReadOptions {
  /** What goes along to the origin of the address, and to no other: a token, for example. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Who has said that something lies at the address, when that is no word of whoever asks. */
  readonly ledFrom?: URL;
  /** Told what an answer says of itself, before the first of its bytes. */
  readonly onAnswer?: (headers: Headers) => void;
}

/** The file at an address. Throws as the `read` of a source. */
export type HttpReader = (url: URL, options: HttpReadOptions) => AsyncIterable<Uint8Array>;

export interface HttpLimits {
  /** Attempts without a byte in between, after which the server is said not to answer. */
  readonly attempts: number;
  /** The pause after the first failure, in milliseconds; it doubles. */
  readonly pauseMs: number;
  /** Longest wait that a server may ask for. */
  readonly longestWaitMs: number;
  /** Without a byte. */
  readonly idleMs: number;
  /** What may be slow at the beginning, and how slow it may be from then on, in bytes a second. */
  readonly patienceMs: number;
  readonly leastBytesPerSecond: number;
}

const usual: HttpLimits = {
  attempts: 4,
  pauseMs: 500,
  longestWaitMs: 120_000,
  idleMs: 30_000,
  patienceMs: 60_000,
  leastBytesPerSecond: 2_048,
};

/** Why an attempt has failed, and how long the server wants to be left alone. */
class Failure extends Error {
  readonly retryAfterMs: number | undefined;
  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** As it may stand in a log: what is behind the question mark may be what lets one in. */
const shown = (url: URL): string => `${url.origin}${url.pathname}${url.search && "?…"}`;

/** Why reading was ended; where that was a time that ran out, with how far it came. */
function ended({ reason }: AbortSignal, url: URL, taken: number): unknown {
  if (!(reason instanceof RegistryError)) return reason;
  return new RegistryError(reason.code, `${reason.message}: of ${shown(url)} ${taken} bytes had come`, { cause: reason });
}

export function httpSource(options: HttpSourceOptions): RegistrySource {
  const base = options.url.endsWith("/") ? options.url : `${options.url}/`;
  const reader = httpReader(options);
  return {
    name: options.url,
    read: (path, reading) => reader(new URL(path.split("/").map(encodeURIComponent).join("/"), base), reading),
  };
}

export function httpReader(given: HttpReaderOptions): HttpReader {
  const limits = { ...usual, ...given.limits };
  const { clock, onWait } = given;

  async function* read(url: URL, options: HttpReadOptions): AsyncGenerator<Uint8Array, void, void> {
    const { limit, signal } = options;
    const began = clock.now();
    let taken = 0;
    let failures = 0;
    for (;;) {
      try {
        for await (const part of attempt(url, taken, options)) {
          failures = 0;
          taken += part.length;
          if (taken > limit) throw new RegistryError("REGISTRY_TOO_LARGE", `${shown(url)}: expected at most ${limit} bytes, and more come`);
          const slowMs = clock.now() - began - limits.patienceMs;
          if (slowMs > 0 && taken < (slowMs / 1000) * limits.leastBytesPerSecond)
            throw new RegistryError(
              "REGISTRY_UNREACHABLE",
              `${shown(url)}: ${taken} bytes in ${clock.now() - began} ms are too few to wait for the rest`,
            );
          yield part;
        }
        return;
      } catch (error) {
        if (signal?.aborted) throw ended(signal, url, taken);
        if (!(error instanceof Failure)) throw error;
        failures++;
        const { retryAfterMs } = error;
        const waitMs = retryAfterMs ?? limits.pauseMs * 2 ** (failures - 1);
        if (failures >= limits.attempts || waitMs > limits.longestWaitMs)
          throw new RegistryError(
            "REGISTRY_UNREACHABLE",
            `${shown(url)}: ${error.message}${waitMs > limits.longestWaitMs ? `, and asks to come back in ${Math.round(waitMs / 1000)} s` : ""}`,
            { retryAfterMs },
          );
        onWait?.(`${url.host}: ${error.message}`, waitMs);
        await clock.sleep(waitMs, signal).catch((reason) => {
          throw signal?.aborted ? ended(signal, url, taken) : reason;
        });
      }
    }
  }

  /** From that byte on. */
  async function* attempt(url: URL, from: number, options: HttpReadOptions): AsyncGenerator<Uint8Array, void, void> {
    const { signal, onAnswer } = options;
    const stop = new AbortController();
    const asked = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]);
    let heard = Symbol();
    /** Ends the attempt when nothing is heard for a while. */
    const watch = () => {
      const mine = Symbol();
      heard = mine;
      clock.sleep(limits.idleMs, asked).then(
        () => heard === mine && stop.abort(new Failure(`sends nothing for ${limits.idleMs} ms`)),
        () => undefined,
      );
    };
    watch();
    try {
      const response = await request(url, from, options, asked);
      onAnswer?.(response.headers);
      let skip = response.status === 206 ? 0 : from;
      for await (const chunk of response.body ?? []) {
        watch();
        const part = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - part.length;
        if (part.length > 0) yield part;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (stop.signal.aborted) throw stop.signal.reason;
      if (error instanceof Failure || error instanceof RegistryError) throw error;
      throw new Failure(connectionTrouble(error));
    } finally {
      stop.abort(new Failure("is done"));
    }
  }

  async function request(asked: URL, from: number, options: HttpReadOptions, signal: AbortSignal): Promise<Response> {
    // What a server has packed on the way has another length, and breaks off elsewhere.
    const always = { "accept-encoding": "identity", ...(from > 0 && { range: `bytes=${from}-` }) };
    const { response } = await answered(given, asked, { ...options, always, signal });
    // Who asked for all of it, since nothing of it had come, is given no part either.
    if (response.status === 206 && (from === 0 || !response.headers.get("content-range")?.startsWith(`bytes ${from}-`)))
      throw new Failure("answers with another part of the file than was asked for");
    if (response.ok) return response;
    if ([403, 404, 410].includes(response.status))
      throw new RegistryError("REGISTRY_NOT_FOUND", `${shown(asked)} is not there (${response.status})${await saidIn(response)}`);
    if (response.status === 429 || response.status >= 500) throw new Failure(`answers ${response.status}`, waitOf(response, clock.now()));
    throw new RegistryError(
      "REGISTRY_UNREACHABLE",
      `${shown(asked)}: expected the file, came status ${response.status}${await saidIn(response)}`,
    );
  }

  return read;
}

interface Asking extends Pick<HttpReadOptions, "headers" | "ledFrom"> {
  /** What goes along to every origin. */
  readonly always?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const mostHops = 3;

/** What an address answers, or the one that it leads to, and which that is. */
async function answered(
  { fetch, fetchLed }: Pick<HttpReaderOptions, "fetch" | "fetchLed">,
  asked: URL,
  { headers = {}, ledFrom = asked, always = {}, signal }: Asking,
): Promise<{ readonly response: Response; readonly url: URL }> {
  let url = asked;
  let from = ledFrom;
  let own: Asking["headers"] = headers;
  for (let hops = 0; hops <= mostHops; hops++) {
    const isLed = url.origin !== ledFrom.origin;
    // What was left out once stays out: who leads away may lead back with a question of his own.
    if (isLed) own = {};
    const init = { headers: { ...own, ...always }, redirect: "manual", signal } as const;
    if (isLed && !fetchLed) throw mayNotLead(from, url.origin);
    const response = isLed ? await fetchLed!(url, init, from) : await fetch(url.href, init);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) return { response, url };
    await response.body?.cancel();
    from = url;
    url = followed(url, location);
  }
  throw new RegistryError("REGISTRY_UNREACHABLE", `${shown(asked)} leads on and on to other addresses`);
}

/** The address that one leads to in the end, whatever is answered there. Throws `REGISTRY_UNREACHABLE`, and what `fetch` throws. */
export async function whereItLies(options: HttpReaderOptions, asked: URL, signal: AbortSignal): Promise<URL> {
  const stop = new AbortController();
  const { idleMs } = { ...usual, ...options.limits };
  const either = AbortSignal.any([stop.signal, signal]);
  options.clock.sleep(idleMs, either).then(
    () => stop.abort(new RegistryError("REGISTRY_UNREACHABLE", `${shown(asked)}: sends nothing for ${idleMs} ms`)),
    () => undefined,
  );
  try {
    const { response, url } = await answered(options, asked, { signal: either });
    await response.body?.cancel();
    return url;
  } finally {
    stop.abort(new Failure("is done"));
  }
}

const mayNotLead = (from: URL, to: string) =>
  new RegistryError("REGISTRY_UNREACHABLE", `${shown(from)} leads to ${to}, where it may not lead`);

/** Nobody is led out of the encryption, nor to what is no address of the web. */
function followed(from: URL, location: string): URL {
  const to = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (to && (to.origin === from.origin || to.protocol === "https:")) return to;
  throw mayNotLead(from, to?.origin ?? "nowhere");
}

/**
 * `Retry-After` (RFC 9110, 10.2.3): seconds, or a date. Without it, when a limit on the rate is said to end: in so many seconds, or at that second of
 * the epoch; servers say that on every answer, so it counts on a 429 alone.
 */
function waitOf({ headers, status }: Response, now: number): number | undefined {
  const said = headers.get("retry-after");
  if (said !== null && !isSeconds(said)) {
    const at = Date.parse(said);
    return Number.isNaN(at) ? undefined : Math.max(0, at - now);
  }
  const [reset, end] = status === 429 ? [headers.get("ratelimit-reset"), headers.get("x-ratelimit-reset")] : [null, null];
  const seconds = said ?? reset;
  if (seconds !== null) return isSeconds(seconds) ? Number(seconds) * 1000 : undefined;
  return end !== null && /^\d{1,12}$/.test(end) ? Math.max(0, Number(end) * 1000 - now) : undefined;
}

const isSeconds = (text: string): boolean => /^\d{1,9}$/.test(text);

const longestSaying = 300;

const readable = /^(text\/plain|application\/([a-z-]+\+)?json)\b/;

/** Why a server refuses, as far as it says so: on one line, without anything that a terminal would obey. */
async function saidIn(response: Response): Promise<string> {
  if (!readable.test(response.headers.get("content-type") ?? "")) return "";
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    length += part.length;
    if (length >= longestSaying) break;
  }
  const text = new TextDecoder().decode(Buffer.concat(parts).subarray(0, longestSaying));
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return plain === "" ? "" : `: ${plain}`;
}

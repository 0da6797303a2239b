/** Watches one request: it ends when the caller aborts, when nothing comes for too long, when it takes too long, and when too much comes. */
import type { Clock } from "../clock.ts";
import { type Fetch, strictFetch } from "./strict-fetch.ts";

export type { Fetch };

/** What a request may take. */
export interface Bounds {
  /** Milliseconds without a byte, the wait for the first one too. */
  readonly idleMs: number;
  /** Milliseconds from its beginning to its end; absent: as long as something comes. */
  readonly longestMs?: number;
  /** Bytes of its answers, unpacked; absent: as many as come. */
  readonly mostBytes?: number;
}

/** `"aborted"` by the caller; `"silent"`: nothing came; `"late"`: it took too long; `"oversized"`: too much came. */
export type Ended = "aborted" | "silent" | "late" | "oversized";

/** Told of what has come, in bytes. Throws when that is too much. */
export type Seen = (bytes?: number) => void;

export interface Watch extends Disposable {
  /** Aborts the request, for whichever reason. */
  readonly signal: AbortSignal;
  readonly ended: Ended | undefined;
  readonly seen: Seen;
  /** A request whose answer's body is read with `seen`, as `serverEvents`, `jsonLines` and `readText` do. */
  readonly send: Fetch;
  /** A request whose answer counts by itself, byte by byte, whoever reads it. */
  readonly fetch: Fetch;
}

interface WatchOptions extends Bounds {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly fetch: Fetch;
}

export function watchRequest({ clock, signal, idleMs, longestMs, mostBytes, ...options }: WatchOptions): Watch {
  const controller = new AbortController();
  const strict = strictFetch(options.fetch);
  const begun = clock.monotonic();
  const mostMs = longestMs ?? Number.POSITIVE_INFINITY;
  let ended: Ended | undefined;
  let lastSign = begun;
  let bytes = 0;
  let timer: Disposable | undefined;

  const end = (why: Ended, reason: unknown) => {
    ended ??= why;
    controller.abort(reason);
  };
  const seen: Seen = (more = 0) => {
    lastSign = clock.monotonic();
    bytes += more;
    if (mostBytes === undefined || bytes <= mostBytes) return;
    const reason = new RangeError(`more than ${mostBytes} bytes came`);
    end("oversized", reason);
    // The last piece of an answer is not read on, so that nothing else would stop who reads.
    throw reason;
  };
  const onAbort = () => end("aborted", signal.reason);
  // Armed once and again for what is left of the time, so that a token costs no timer.
  const arm = (ms: number) => {
    timer = clock.after(ms, () => {
      const now = clock.monotonic();
      const [silentIn, lateIn] = [lastSign + idleMs - now, begun + mostMs - now];
      if (lateIn <= 0) end("late", new DOMException(`not done in ${mostMs} ms`, "TimeoutError"));
      else if (silentIn <= 0) end("silent", new DOMException(`silent for ${idleMs} ms`, "TimeoutError"));
      else arm(Math.min(silentIn, lateIn));
    });
  };
  if (signal.aborted) onAbort();
  else {
    signal.addEventListener("abort", onAbort);
    arm(Math.min(idleMs, mostMs));
  }

  const send: Fetch = async (input, init) => {
    const response = await strict(input, { ...init, signal: controller.signal });
    seen();
    return response;
  };

  return {
    signal: controller.signal,
    get ended() {
      return ended;
    },
    seen,
    send,
    async fetch(input, init) {
      const response = await send(input, init);
      if (!response.body) return response;
      const reader = response.body.getReader();
      // Read on demand and never ahead, unlike a pipe: when the connection breaks, what had come is still handed on first.
      const watched = new ReadableStream<Uint8Array>(
        {
          async pull(out) {
            const { done, value } = await reader.read();
            seen(value?.length);
            controller.signal.throwIfAborted();
            if (done) out.close();
            else out.enqueue(value);
          },
          cancel: (reason) => reader.cancel(reason),
        },
        { highWaterMark: 0 },
      );
      const { status, statusText, headers } = response;
      return new Response(watched, { status, statusText, headers });
    },
    [Symbol.dispose]() {
      timer?.[Symbol.dispose]();
      signal.removeEventListener("abort", onAbort);
    },
  };
}

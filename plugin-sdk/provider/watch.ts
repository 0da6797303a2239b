/** Watches one streamed request: it ends when the caller aborts, and when the vendor has sent nothing, not even a keep-alive, for too long. */
import type { Clock } from "../clock.ts";

export interface Watch extends Disposable {
  /** Aborts the request, for whichever reason. */
  readonly signal: AbortSignal;
  /** `"aborted"` by the caller, `"timeout"` by silence. */
  readonly ended: "aborted" | "timeout" | undefined;
  /** `fetch` whose answers count as signs of life, byte by byte. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
}

/** Says in a request's init which watch it belongs to, since a client library takes one `fetch` for all of its requests. */
interface WatchedInit extends Omit<RequestInit, "body" | "headers" | "method" | "signal"> {
  readonly watch?: Watch;
}
/** What a request of a client library that was given `watchedFetch` is made with. */
export const watchedBy = (watch: Watch): { readonly signal: AbortSignal; readonly fetchOptions: WatchedInit } => ({
  signal: watch.signal,
  fetchOptions: { watch },
});

/** A `fetch` for a client library that is kept: each request goes through the watch in its init. */
export function watchedFetch(fetch: Watch["fetch"]): typeof globalThis.fetch {
  const watched = (input: string | URL | Request, { watch, ...init }: WatchedInit & RequestInit = {}) =>
    (watch?.fetch ?? fetch)(input, init);
  return watched as typeof globalThis.fetch;
}

/** `idleMs` holds for the wait for the first byte too. */
export function watchRequest(options: {
  readonly clock: Clock;
  readonly idleMs: number;
  readonly signal: AbortSignal;
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
}): Watch {
  const { clock, idleMs, signal } = options;
  const controller = new AbortController();
  let ended: Watch["ended"];
  let lastSign = clock.monotonic();
  let timer: Disposable | undefined;

  const end = (why: NonNullable<Watch["ended"]>, reason: unknown) => {
    ended ??= why;
    controller.abort(reason);
  };
  const onAbort = () => end("aborted", signal.reason);
  // Armed once and again for what is left of the time, so that a token costs no timer.
  const arm = (ms: number) => {
    timer = clock.after(ms, () => {
      const left = lastSign + idleMs - clock.monotonic();
      if (left > 0) arm(left);
      else end("timeout", new DOMException(`silent for ${idleMs} ms`, "TimeoutError"));
    });
  };
  if (signal.aborted) onAbort();
  else {
    signal.addEventListener("abort", onAbort, { once: true });
    arm(idleMs);
  }

  return {
    signal: controller.signal,
    get ended() {
      return ended;
    },
    async fetch(input, init) {
      const response = await options.fetch(input, init);
      lastSign = clock.monotonic();
      if (!response.body) return response;
      const reader = response.body.getReader();
      // Read on demand and never ahead, unlike a pipe: when the connection breaks, what had come is still handed on first.
      const seen = new ReadableStream<Uint8Array>(
        {
          async pull(out) {
            const { done, value } = await reader.read();
            lastSign = clock.monotonic();
            if (done) out.close();
            else out.enqueue(value);
          },
          cancel: (reason) => reader.cancel(reason),
        },
        { highWaterMark: 0 },
      );
      const { status, statusText, headers } = response;
      return new Response(seen, { status, statusText, headers });
    },
    [Symbol.dispose]() {
      timer?.[Symbol.dispose]();
      signal.removeEventListener("abort", onAbort);
    },
  };
}

/** Watches one streamed request: it ends when the caller aborts, and when the vendor has sent nothing, not even a keep-alive, for too long. */
import type { Clock } from "../clock.ts";

/** `fetch` without what Bun adds to it. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface Watch extends Disposable {
  /** Aborts the request, for whichever reason. */
  readonly signal: AbortSignal;
  /** `"aborted"` by the caller, `"timeout"` by silence. */
  readonly ended: "aborted" | "timeout" | undefined;
  /** Something came from the vendor. */
  seen(): void;
  /** `fetch` whose answers count as signs of life, byte by byte. */
  readonly fetch: Fetch;
}

/** `idleMs` holds for the wait for the first byte too. */
export function watchRequest(options: {
  readonly clock: Clock;
  readonly idleMs: number;
  readonly signal: AbortSignal;
  readonly fetch: Fetch;
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
  const seen = () => {
    lastSign = clock.monotonic();
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
    signal.addEventListener("abort", onAbort);
    arm(idleMs);
  }

  return {
    signal: controller.signal,
    get ended() {
      return ended;
    },
    seen,
    async fetch(input, init) {
      const response = await options.fetch(input, init);
      seen();
      if (!response.body) return response;
      const reader = response.body.getReader();
      // Read on demand and never ahead, unlike a pipe: when the connection breaks, what had come is still handed on first.
      const watched = new ReadableStream<Uint8Array>(
        {
          async pull(out) {
            const { done, value } = await reader.read();
            seen();
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

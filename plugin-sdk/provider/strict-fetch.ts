/** `fetch` that goes nowhere but where it was sent, and of what a server says against a request hands on no more than anybody would read. */
import { defineErrors } from "../error.ts";

/** `fetch` without what Bun adds to it. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

const redirectErrors = defineErrors({
  PROVIDER_REDIRECTED: { message: "the server sends whoever asks it elsewhere", wire: "UNAVAILABLE" },
});

/** Of an error's body. A vendor's longest explanations have some kilobytes. */
const ERROR_BYTES = 65_536;

/** A key is for one address: it must not follow where that one points to, and neither must a conversation. */
export const strictFetch =
  (fetch: Fetch): Fetch =>
  async (input, init) => {
    const response = await fetch(input, { ...init, redirect: "manual" });
    refuseRedirect(response, input);
    const { status, statusText, headers, body } = response;
    if (response.ok || body === null) return response;
    return new Response(beginningOf(body, ERROR_BYTES), { status, statusText, headers });
  };

/** Throws `PROVIDER_REDIRECTED`. */
function refuseRedirect({ status, headers, body }: Response, input: string | URL | Request): void {
  const location = headers.get("location");
  if (![301, 302, 303, 307, 308].includes(status) || location === null) return;
  body?.cancel().catch(() => {}); // silent-ok: nobody reads it
  const from = URL.parse(input instanceof Request ? input.url : String(input));
  const to = URL.parse(location, from?.href);
  throw redirectErrors.PROVIDER_REDIRECTED(
    `${from?.origin} redirects to ${to?.origin ?? "what is no address"}, and nothing is sent after it: set the address where it really is`,
  );
}

function beginningOf(body: ReadableStream<Uint8Array>, most: number): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let left = most;
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        const { done, value } = await reader.read();
        if (done) return out.close();
        out.enqueue(value.subarray(0, left));
        left -= value.length;
        if (left > 0) return;
        out.close();
        reader.cancel().catch(() => {}); // silent-ok: what is beyond is not wanted
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

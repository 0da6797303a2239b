import { expect, test } from "bun:test";
import { channelErrors } from "../contracts/channel.ts";
import { failedRequest } from "./transport.ts";

/** What `fetch` throws for that address. */
const failure = (url: string): Promise<unknown> =>
  fetch(url, { method: "POST", body: "x" }).then(
    () => undefined,
    (error: unknown) => error,
  );

test("where nobody listens, or nothing can be said, nothing was sent", async () => {
  using plain = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("x") });
  for (const url of ["http://127.0.0.1:1/secret", `https://127.0.0.1:${plain.port}/secret`]) {
    const error = failedRequest(await failure(url), "the host", false);
    expect(error).toMatchObject({ code: "CHANNEL_UNAVAILABLE" });
    // The address may hold a token.
    expect(Bun.inspect(error)).not.toContain("/secret");
  }
});

test("a connection that broke may have carried it, unless repeating does no harm", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open: (socket) => void socket.end(), data: () => undefined } });
  const error = await failure(`http://127.0.0.1:${server.port}/`);
  expect(failedRequest(error, "h", false)).toMatchObject({ code: "CHANNEL_UNCERTAIN" });
  expect(failedRequest(error, "h", true)).toMatchObject({ code: "CHANNEL_UNAVAILABLE" });
  const ours = channelErrors.CHANNEL_REJECTED("no");
  expect(failedRequest(ours, "h", false)).toBe(ours);
});

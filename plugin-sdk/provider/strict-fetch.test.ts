import { expect, test } from "bun:test";
import { createManualClock } from "../testing/clock.ts";
import { serveHttp } from "../testing/http-server.ts";
import { apiErrorOf } from "./api-failure.ts";
import { networkFailure } from "./failure.ts";
import { ask } from "./post.ts";
import { watchRequest } from "./watch.ts";

const watched = () => watchRequest({ clock: createManualClock(), idleMs: 1000, signal: new AbortController().signal, fetch });
const placeAt = (baseUrl: string) => ({ baseUrl, key: "key-of-the-test", headers: { "x-goog-api-key": "another-key" } });
const failed = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => Promise.reject(new Error("it did not fail")),
    (error: unknown) => error,
  );

test("a redirect is followed nowhere, and says where it leads", async () => {
  const asked: string[] = [];
  await using elsewhere = serveHttp((exchange) => {
    asked.push(exchange.path);
    exchange.send(200, "{}");
  });
  for (const status of [301, 302, 303, 307, 308]) {
    await using server = serveHttp((exchange) => exchange.send(status, "moved", { location: `${elsewhere.origin}/v1?key=secret` }));
    using watch = watched();
    const error = await failed(ask(watch, placeAt(server.origin), "/models"));
    const failure = networkFailure(error, server.origin);
    expect(failure.class).toBe("network");
    expect(failure.message).toContain(`${server.origin} redirects to ${elsewhere.origin}, `);
  }
  expect(asked).toEqual([]);
});

test("of what a server says against a request no more is read than anybody would", async () => {
  let sent = 0;
  await using server = serveHttp(async (exchange) => {
    exchange.begin(500, { "content-type": "text/plain" });
    let isThere = true;
    void exchange.left.then(() => {
      isThere = false;
    });
    while (isThere) {
      sent += 10_000;
      await exchange.write(Buffer.from("x".repeat(10_000)));
    }
  });
  using watch = watched();
  const error = await failed(ask(watch, placeAt(server.origin), "/models"));
  expect(apiErrorOf(error)).toMatchObject({ status: 500 });
  expect(String(apiErrorOf(error).error?.message)).toHaveLength(65_536);
  expect(sent).toBeLessThan(50_000_000);
});

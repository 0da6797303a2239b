import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Type } from "@sinclair/typebox";
import { startBus } from "../../tests/support/bus.ts";
import { method } from "../../tests/support/methods.ts";

test("a stop is announced, refuses what is new, answers what runs, and then closes every socket with 1012", async () => {
  const gate = Promise.withResolvers<string>();
  const started = Promise.withResolvers<void>();
  const slow = method("shop.slow", () => {
    started.resolve();
    return gate.promise;
  });
  await using host = await startBus({ methods: [slow] });
  const socket = await host.connect({ scopes: ["operator.read"] });
  const waiting = host.open();
  await waiting.event("connect.challenge");
  const answer = socket.call<string>("shop.slow");
  await started.promise;
  const stopped = host.bus.stop("upgrade", { restartExpectedMs: 1_500 });
  expect(await socket.event("shutdown")).toEqual({ reason: "upgrade", restartExpectedMs: 1_500 });
  await expect(socket.call("health")).rejects.toMatchObject({
    error: { code: "UNAVAILABLE", retryable: true, details: { reason: "gateway-restarting" } },
  });
  expect((await fetch(new URL("/readyz", host.url))).status).toBe(503);
  gate.resolve("done");
  expect(await answer).toBe("done");
  expect(await socket.closed).toEqual({ code: 1012, reason: "service restart" });
  expect(await waiting.closed).toMatchObject({ code: 1012 });
  await stopped;
  await expect(fetch(host.url)).rejects.toThrow();
});

test("a request that hangs holds a stop up no longer than drainMs, one that was accepted not at all", async () => {
  const clock = createManualClock();
  const hang = method("shop.hang", () => new Promise(() => {}));
  const order = method(
    "shop.order",
    (_, { accepted }) => {
      accepted({ status: "accepted" });
      return new Promise(() => {});
    },
    { accepted: Type.Unknown() },
  );
  await using host = await startBus({ clock, methods: [hang, order] });
  const socket = await host.connect();
  void socket.call("shop.hang").catch(() => {});
  await socket.callTwice("shop.order").accepted;
  const before = clock.timers;
  const stopped = host.bus.stop("stop");
  await socket.event("shutdown");
  await clock.armed(before + 1);
  await clock.advance(4_999);
  expect(host.bus.connections()).toHaveLength(1);
  await clock.advance(1);
  expect(await socket.closed).toMatchObject({ code: 1012 });
  await stopped;
  expect(host.log.find(({ event }) => event === "bus.drain-late")?.fields).toEqual({ running: 1, waitedMs: 5_000 });
});

test("an HTTP request that runs is answered before the port closes", async () => {
  await using host = await startBus();
  const [gate, started] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()];
  const handle = async () => {
    started.resolve();
    return new Response(await gate.promise);
  };
  host.plugins.routes.push({ prefix: "/v1", access: "open", handle });
  const answer = fetch(new URL("/v1", host.url));
  await started.promise;
  const stopped = host.bus.stop("stop");
  gate.resolve("done");
  expect(await (await answer).text()).toBe("done");
  await stopped;
});

test("a stopped bus leaves no timer behind", async () => {
  const clock = createManualClock();
  const host = await startBus({ clock });
  const socket = await host.connect();
  await clock.advance(30_000);
  await socket.close();
  await host[Symbol.asyncDispose]();
  expect(clock.timers).toBe(0);
});

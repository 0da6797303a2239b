import { expect, test } from "bun:test";
import { GatewayClient, type GatewayClientOptions } from "@openclaw/gateway-client";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { Type } from "@sinclair/typebox";
import { type BusHost, startBus } from "../../tests/support/bus.ts";
import { createClientDevice } from "../../tests/support/client-device.ts";
import { method } from "../../tests/support/methods.ts";

type Hello = Parameters<NonNullable<GatewayClientOptions["onHelloOk"]>>[0];
type Event = Parameters<NonNullable<GatewayClientOptions["onEvent"]>>[0];

/** The published client, connected. */
async function connect(host: BusHost, options: Partial<GatewayClientOptions> = {}) {
  const events: Event[] = [];
  const gaps: object[] = [];
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const said = Promise.withResolvers<Hello>();
  const client = new GatewayClient({
    url: host.wsUrl,
    token: host.token,
    clientName: "cli",
    mode: "cli",
    role: "operator",
    scopes: ["operator.read"],
    deviceIdentity: null,
    onHelloOk: said.resolve,
    onConnectError: said.reject,
    onEvent: (event) => void events.push(event),
    onGap: (gap) => void gaps.push(gap),
    onClose: (code, reason) => closed.resolve({ code, reason }),
    ...options,
  });
  client.start();
  const hello = await said.promise;
  return { client, hello, events, gaps, closed: closed.promise, [Symbol.asyncDispose]: () => client.stopAndWait() };
}

test("the published client connects, asks, and understands a refusal", async () => {
  await using host = await startBus();
  await using session = await connect(host);
  expect(session.hello).toMatchObject({ type: "hello-ok", protocol: 4, auth: { role: "operator", scopes: ["operator.read"] } });
  expect(await session.client.request("health")).toMatchObject({ ok: true });
  await expect(session.client.request("update.status")).rejects.toMatchObject({
    gatewayCode: "FORBIDDEN",
    message: "missing scope: operator.admin",
    details: { code: "MISSING_SCOPE" },
  });
});

test("it signs the challenge as a device and is given a token", async () => {
  await using host = await startBus();
  await using session = await connect(host, { ...createClientDevice().options, clientName: "openclaw-tui", mode: "ui" });
  expect(session.hello.auth.deviceToken).toEqual(expect.any(String));
});

test("as a node host it speaks the protocol of its own and sees no presence", async () => {
  await using host = await startBus();
  await using session = await connect(host, {
    ...createClientDevice().options,
    clientName: "node-host",
    mode: "node",
    role: "node",
    scopes: [],
  });
  expect(session.hello).toMatchObject({ auth: { role: "node" }, snapshot: { presence: [] } });
  expect(await session.client.request("health")).toMatchObject({ ok: true });
});

test("it waits for the final one of two answers, and finds no gap in a thousand events", async () => {
  const counted = defineEvent({ name: "agent", summary: "For tests.", scope: "operator.read", payload: Type.Unknown() });
  const order = method(
    "shop.order",
    (_, { accepted }) => {
      accepted({ status: "accepted" });
      for (let n = 0; n < 1_000; n++) host.bus.emit(counted, { n });
      return { status: "ok" };
    },
    { accepted: Type.Unknown() },
  );
  await using host: BusHost = await startBus({ methods: [order] });
  host.plugins.events.set("agent", counted);
  await using session = await connect(host);
  expect(await session.client.request("shop.order", {}, { expectFinal: true })).toEqual({ status: "ok" });
  expect(session.events.filter(({ event }) => event === "agent").map(({ seq }) => seq)).toEqual(
    Array.from({ length: 1_000 }, (_, n) => n + 1),
  );
  expect(session.gaps).toEqual([]);
});

test("it is told of the end, and reads the close as a restart", async () => {
  await using host = await startBus();
  await using session = await connect(host);
  await host.bus.stop("upgrade", { restartExpectedMs: 100 });
  expect(await session.closed).toEqual({ code: 1012, reason: "service restart" });
  expect(session.events).toContainEqual(
    expect.objectContaining({ event: "shutdown", payload: { reason: "upgrade", restartExpectedMs: 100 } }),
  );
});

import { expect, test } from "bun:test";
import { createDeviceKey } from "@pincer/plugin-sdk/testing/client";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Type } from "@sinclair/typebox";
import { startBus } from "../../tests/support/bus.ts";
import { method } from "../../tests/support/methods.ts";

const node = () => ({ role: "node", scopes: [], client: { id: "node-host", mode: "node" }, device: createDeviceKey() });
const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => {
      throw new Error("expected the call to be refused");
    },
    (failure) => failure.error,
  );
test("method, role, least scope, params and exact scope are checked in this order, and each says what is missing", async () => {
  const seen: unknown[] = [];
  const params = Type.Object(
    { level: Type.Integer({ minimum: 1 }), secret: Type.Optional(Type.String()) },
    { additionalProperties: false },
  );
  const scope = {
    least: "operator.write" as const,
    of: (given: unknown) => ((given as { level: number }).level > 9 ? ("operator.admin" as const) : ("operator.write" as const)),
  };
  await using host = await startBus({
    methods: [
      method("shop.buy", (given) => seen.push(given), { scope, params }),
      method("shop.deliver", () => "delivered", { scope: "node" }),
    ],
  });
  const reader = await host.connect({ scopes: ["operator.read"] });
  const writer = await host.connect({ scopes: ["operator.write"] });
  const phone = await host.connect(node());

  expect(await errorOf(reader.call("shop.steal", 5))).toMatchObject({ code: "INVALID_REQUEST", message: "unknown method: shop.steal" });
  expect(await errorOf(phone.call("shop.buy", 5))).toMatchObject({ code: "INVALID_REQUEST", message: "unauthorized role: node" });
  expect(await errorOf(writer.call("shop.deliver", 5))).toMatchObject({ code: "INVALID_REQUEST", message: "unauthorized role: operator" });
  expect(await errorOf(reader.call("shop.buy", { level: "wrong" }))).toEqual({
    code: "FORBIDDEN",
    message: "missing scope: operator.write",
    details: { code: "MISSING_SCOPE", missingScope: "operator.write", requiredScopes: ["operator.write"] },
  });
  const wrong = await errorOf(writer.call("shop.buy", { level: "hunter2", secret: 5 }));
  expect(wrong).toMatchObject({ code: "INVALID_REQUEST", details: { code: "BUS_PARAMS_INVALID", path: "/level" } });
  expect(wrong.message).toBe("invalid shop.buy params: at /level: expected integer of at least 1, got a string of 7 characters");
  expect((await errorOf(writer.call("shop.buy"))).message).toBe(
    "invalid shop.buy params: at /level: expected integer of at least 1, got nothing",
  );
  expect((await errorOf(writer.call("shop.buy", { level: 1, x: 1 }))).message).toContain("at /x: expected no such property");
  expect(await errorOf(writer.call("shop.buy", { level: 10 }))).toMatchObject({
    code: "FORBIDDEN",
    message: "missing scope: operator.admin",
  });
  expect(seen).toEqual([]);
  expect(await writer.call<number>("shop.buy", { level: 9 })).toBe(1);
  expect(await phone.call<string>("shop.deliver", null)).toBe("delivered");
});

test("health answers anybody, also a node and somebody without scopes", async () => {
  await using host = await startBus();
  for (const who of [node(), { scopes: [] }]) expect(await (await host.connect(who)).call("health")).toMatchObject({ ok: true });
});

test("when results are checked, an answer that does not match its schema is a fault of the method", async () => {
  const wrong = method("shop.price", () => ({ price: "free" }), { result: Type.Object({ price: Type.Number() }) });
  await using host = await startBus({ methods: [wrong] });
  const socket = await host.connect();
  expect(await errorOf(socket.call("shop.price"))).toMatchObject({ code: "UNAVAILABLE", details: { code: "BUS_RESULT_INVALID" } });
  host.settings.checkResults = false;
  expect(await socket.call("shop.price")).toEqual({ price: "free" });
});

test("a handler sees who calls, and no credential", async () => {
  const who = method("shop.who", (_, { connection, role, scopes }) => ({ ...connection, caps: [...connection.caps], role, scopes }));
  await using host = await startBus({ methods: [who] });
  const socket = await host.connect({ scopes: ["operator.read"], caps: ["tool-events"], client: { displayName: "Ada" } });
  const seen = await socket.call("shop.who");
  expect(seen).toEqual({
    id: (socket.hello["server"] as { connId: string }).connId,
    principal: "shared",
    clientId: "cli",
    clientMode: "cli",
    clientVersion: "test",
    displayName: "Ada",
    remoteAddress: "127.0.0.1",
    caps: ["tool-events"],
    role: "operator",
    scopes: ["operator.read"],
  });
  expect(JSON.stringify(seen)).not.toContain(host.token);
});

test("writes to the gateway itself are limited for each principal, whatever its connection", async () => {
  const clock = createManualClock();
  const set = method("config.set", () => "set", { scope: "operator.admin" });
  await using host = await startBus({
    clock,
    settings: { controlPlane: { methods: ["config.set"], calls: 2, windowMs: 60_000 } },
    methods: [set],
  });
  const [one, two] = [await host.connect(), await host.connect()];
  const device = await host.connect({ device: createDeviceKey() });
  await one.call("config.set");
  await clock.advance(20_000);
  await two.call("config.set");
  expect(await errorOf(one.call("config.set"))).toMatchObject({
    code: "UNAVAILABLE",
    retryable: true,
    retryAfterMs: 40_000,
    details: { code: "BUS_RATE_LIMITED" },
  });
  expect(await device.call<string>("config.set")).toBe("set");
  await clock.advance(40_000);
  expect(await one.call<string>("config.set")).toBe("set");
});

test("a plugin's method is found at once when it appears, and unknown at once when it is gone", async () => {
  await using host = await startBus();
  const socket = await host.connect();
  expect(await errorOf(socket.call("shop.open"))).toMatchObject({ message: "unknown method: shop.open" });
  host.plugins.methods.set(
    "shop.open",
    method("shop.open", () => "welcome"),
  );
  expect(await socket.call<string>("shop.open")).toBe("welcome");
  host.plugins.methods.delete("shop.open");
  expect(await errorOf(socket.call("shop.open"))).toMatchObject({ message: "unknown method: shop.open" });
});

test("a plugin cannot take the method that the kernel answers itself", async () => {
  await using host = await startBus();
  host.plugins.methods.set(
    "health",
    method("health", () => "hijacked"),
  );
  expect(await (await host.connect()).call("health")).toMatchObject({ ok: true });
});

test("a call from inside passes the same checks", async () => {
  await using host = await startBus({ methods: [method("shop.buy", () => "bought", { scope: "operator.write" })] });
  const call = (scopes: ("operator.read" | "operator.write")[]) => host.bus.dispatch("shop.buy", {}, { plugin: "shop", scopes });
  expect(await call(["operator.write"])).toBe("bought");
  await expect(call(["operator.read"])).rejects.toMatchObject({ code: "MISSING_SCOPE" });
});

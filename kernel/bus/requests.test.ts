import { expect, test } from "bun:test";
import { createDeviceKey, type WireClient } from "@pincer/plugin-sdk/testing/client";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Type } from "@sinclair/typebox";
import { startBus } from "../../tests/support/bus.ts";
import { method, shopErrors } from "../../tests/support/methods.ts";

const node = () => ({ role: "node", scopes: [], client: { id: "node-host", mode: "node" }, device: createDeviceKey() });
const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => {
      throw new Error("expected the call to be refused");
    },
    (failure) => failure.error,
  );
const answerTo = (socket: WireClient, id: string) => socket.until((frame) => frame.type === "res" && frame.id === id);

test("what is no request is answered or ignored, and the socket lives on", async () => {
  await using host = await startBus();
  const socket = await host.connect();
  for (const text of ["not json", "{", ""]) socket.sendRaw(text);
  const malformed: [string, string][] = [
    ["5", "invalid"],
    ["null", "invalid"],
    ['["req"]', "invalid"],
    ["{}", "invalid"],
    ['{"type":"req","id":7,"method":"health"}', "invalid"],
    ['{"type":"req","id":"","method":"health"}', "invalid"],
    ['{"type":"req","id":"a","method":""}', "a"],
    ['{"type":"req","id":"b"}', "b"],
    ['{"type":"res","id":"c","ok":true}', "c"],
    ['{"type":"req","id":"d","method":"health","token":"x"}', "d"],
    ['{"type":"req","id":"e","method":"health","__proto__":{}}', "e"],
    [`{"type":"req","id":"f","method":"health","traceparent":"${"x".repeat(129)}"}`, "f"],
  ];
  const from = socket.frames.length;
  for (const [text, id] of malformed) {
    const before = socket.frames.length;
    socket.sendRaw(text);
    const answer = await socket.until((frame) => frame.type === "res" && frame.id === id, before);
    expect(answer).toMatchObject({ ok: false, error: { code: "INVALID_REQUEST", details: { code: "BUS_FRAME_INVALID" } } });
  }
  expect(socket.frames.slice(from).filter(({ type }) => type === "res")).toHaveLength(malformed.length);
  socket.send({ type: "req", id: "g", method: "health", traceparent: "00-1", expectedProfileId: "me" });
  expect(await answerTo(socket, "g")).toMatchObject({ ok: true });
  socket.sendRaw(new TextEncoder().encode('{"type":"req","id":"h","method":"health"}'));
  expect(await answerTo(socket, "h")).toMatchObject({ ok: true });
});

test("a second connect is refused and changes nothing", async () => {
  await using host = await startBus();
  const socket = await host.connect({ scopes: ["operator.read"] });
  expect(await errorOf(socket.call("connect", { minProtocol: 4, maxProtocol: 4 }))).toMatchObject({ code: "INVALID_REQUEST" });
  expect(await socket.call("status")).toMatchObject({ runtimeVersion: "0.0.0-test" });
});

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
  expect(wrong.message).toBe("invalid shop.buy params: at /level: expected integer, got a string of 7 characters");
  expect((await errorOf(writer.call("shop.buy"))).message).toBe(
    "invalid shop.buy params: at /level: expected required property, got nothing",
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

test("the eleventh call of the other role's methods closes the socket", async () => {
  await using host = await startBus({ methods: [method("shop.deliver", () => 1, { scope: "node" })] });
  const socket = await host.connect();
  for (let n = 0; n < 10; n++) await errorOf(socket.call("shop.deliver"));
  expect(await socket.call("health")).toMatchObject({ ok: true });
  socket.send({ type: "req", id: "last", method: "shop.deliver" });
  expect(await socket.closed).toMatchObject({ code: 1008 });
  expect(socket.frames.at(-1)).toMatchObject({ id: "last", error: { message: "unauthorized role: operator" } });
});

test("a method that declares it answers twice under one id, another one cannot", async () => {
  const go = Promise.withResolvers<string>();
  const run = async (_: unknown, call: { accepted(payload: unknown): void }) => {
    call.accepted({ status: "accepted" });
    return { status: await go.promise };
  };
  await using host = await startBus({ methods: [method("shop.order", run, { accepted: Type.Unknown() }), method("shop.ask", run)] });
  const socket = await host.connect();
  const { accepted, final } = socket.callTwice("shop.order");
  expect(await accepted).toEqual({ status: "accepted" });
  go.resolve("ok");
  expect(await final).toEqual({ status: "ok" });
  expect(await errorOf(socket.call("shop.ask"))).toMatchObject({ details: { code: "BUS_ACCEPTED_UNDECLARED" } });
});

test("answers come when they are there, not in the order of the questions", async () => {
  const slow = Promise.withResolvers<string>();
  await using host = await startBus({ methods: [method("shop.slow", () => slow.promise), method("shop.fast", () => "fast")] });
  const socket = await host.connect();
  const first = socket.call<string>("shop.slow");
  expect(await socket.call<string>("shop.fast")).toBe("fast");
  slow.resolve("slow");
  expect(await first).toBe("slow");
});

test("our errors cross the wire with their code, faults only as a correlation id", async () => {
  await using host = await startBus({
    methods: [
      method("shop.closed", () => {
        throw shopErrors.SHOP_CLOSED("open again at nine", { retryAfterMs: 2.5, data: { at: 9 } });
      }),
      method("shop.broken", () => Promise.reject(new Error("password is hunter2", { cause: "the safe" }))),
      method("shop.odd", () => ({ count: 1n })),
    ],
  });
  const socket = await host.connect();
  expect(await errorOf(socket.call("shop.closed"))).toEqual({
    code: "UNAVAILABLE",
    message: "open again at nine",
    details: { at: 9, code: "SHOP_CLOSED" },
    retryable: true,
    retryAfterMs: 3,
  });
  for (const name of ["shop.broken", "shop.odd"]) {
    const { code, message, details } = await errorOf(socket.call(name));
    expect(code).toBe("UNAVAILABLE");
    expect(message).not.toContain("hunter2");
    const fault = host.log.find(({ fields }) => fields["correlationId"] === details.correlationId);
    expect(fault).toMatchObject({ level: "error", event: "bus.fault", fields: { where: name } });
  }
  expect(host.log.some(({ fields }) => String(fields["error"]).includes("caused by the safe"))).toBe(true);
});

test("an answer larger than a frame is an error, not a closed socket", async () => {
  await using host = await startBus({ settings: { frameBytes: 100_000 }, methods: [method("shop.catalogue", () => "x".repeat(100_000))] });
  const socket = await host.connect();
  expect(await errorOf(socket.call("shop.catalogue"))).toMatchObject({ details: { code: "BUS_RESULT_TOO_LARGE" } });
  expect(await socket.call("health")).toMatchObject({ ok: true });
});

test("a frame above the limit closes the socket that sent it, and no other", async () => {
  await using host = await startBus({ settings: { frameBytes: 100_000 } });
  const [socket, other] = [await host.connect(), await host.connect()];
  socket.sendRaw("x".repeat(100_001));
  expect(await socket.closed).toMatchObject({ code: 1009 });
  expect(await other.call("health")).toMatchObject({ ok: true });
});

test("when results are checked, an answer that does not match its schema is a fault of the method", async () => {
  const wrong = method("shop.price", () => ({ price: "free" }), { result: Type.Object({ price: Type.Number() }) });
  await using host = await startBus({ methods: [wrong] });
  const socket = await host.connect();
  expect(await errorOf(socket.call("shop.price"))).toMatchObject({ code: "UNAVAILABLE", details: { code: "BUS_RESULT_INVALID" } });
  host.settings.checkResults = false;
  expect(await socket.call("shop.price")).toEqual({ price: "free" });
});

test("a connection that has too many requests running is told to wait, and the method is not run (#84903)", async () => {
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const wait = method("shop.wait", async () => {
    runs++;
    await gate.promise;
    return runs;
  });
  await using host = await startBus({ settings: { requests: 3 }, methods: [wait] });
  const [busy, other] = [await host.connect(), await host.connect()];
  const waiting = [1, 2, 3].map(() => busy.call("shop.wait"));
  expect(await errorOf(busy.call("shop.wait"))).toMatchObject({ code: "UNAVAILABLE", retryable: true, details: { code: "BUS_BUSY" } });
  expect(runs).toBe(3);
  expect(await other.call("health")).toMatchObject({ ok: true });
  gate.resolve();
  await Promise.all(waiting);
  expect(await busy.call<number>("shop.wait")).toBe(4);
});

test("the signal of a call aborts when its connection closes", async () => {
  const started = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const listen = method("shop.listen", async (_, { signal }) => {
    signal.addEventListener("abort", () => aborted.resolve());
    started.resolve();
    await aborted.promise;
  });
  await using host = await startBus({ methods: [listen] });
  const socket = await host.connect();
  void socket.call("shop.listen").catch(() => {});
  await started.promise;
  await socket.close();
  await aborted.promise;
  expect(host.bus.connections()).toEqual([]);
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

test("a plugin cannot take a method of the kernel, and the kernel none twice", async () => {
  await using host = await startBus();
  host.plugins.methods.set(
    "health",
    method("health", () => "hijacked"),
  );
  expect(await (await host.connect()).call("health")).toMatchObject({ ok: true });
  expect(host.bus.owns("health")).toBe(true);
  expect(() => host.bus.add([method("health", () => 1)])).toThrow("health belongs to kernel already");
});

test("a call from inside passes the same checks", async () => {
  await using host = await startBus({ methods: [method("shop.buy", () => "bought", { scope: "operator.write" })] });
  const info = {
    id: "plugin:shop",
    principal: "plugin:shop",
    clientId: "plugin",
    clientMode: "plugin",
    clientVersion: "1",
    displayName: undefined,
    deviceId: undefined,
    remoteAddress: "",
    caps: new Set<string>(),
  };
  const { signal } = new AbortController();
  const call = (scopes: ("operator.read" | "operator.write")[]) =>
    host.bus.dispatch("shop.buy", {}, { info, role: "operator", scopes, signal });
  expect(await call(["operator.write"])).toBe("bought");
  await expect(call(["operator.read"])).rejects.toMatchObject({ code: "MISSING_SCOPE" });
});

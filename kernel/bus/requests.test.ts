import { expect, test } from "bun:test";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { Type } from "@sinclair/typebox";
import { startBus } from "../../tests/support/bus.ts";
import { method, shopErrors } from "../../tests/support/methods.ts";

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
  expect(await socket.call("tasks.list")).toEqual({ tasks: [] });
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

test("a call that stops because its client has left is no fault", async () => {
  const running = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const wait = method("shop.wait", async (_, { signal }) => {
    running.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    setImmediate(() => setImmediate(stopped.resolve));
    signal.throwIfAborted();
  });
  await using host = await startBus({ methods: [wait] });
  const client = await host.connect();
  const call = client.call("shop.wait", {});
  await running.promise;
  await client.close();
  await expect(call).rejects.toThrow("the socket closed");
  await stopped.promise;
  expect(host.log.filter(({ level }) => level === "error")).toEqual([]);
});

test("half a surrogate pair arrives as the character that stands for none, and a whole one as it is", async () => {
  const echo = method("shop.echo", (given) => given, { params: Type.Object({}, { additionalProperties: true }) });
  await using host = await startBus({ methods: [echo] });
  const client = await host.connect();
  const sent = String.raw`{"alone":"a\ud800b","turned":"\uDC00\uD83D","whole":"\ud83d\udc4b","written":"\\ud800","\udfff":1,"tab":"\t\\\ud800"}`;
  client.sendRaw(`{"type":"req","id":"e","method":"shop.echo","params":${sent}}`);
  const { payload } = await client.until(({ id }) => id === "e");
  expect(payload).toEqual({ alone: "a\ufffdb", turned: "\ufffd\ufffd", whole: "👋", written: "\\ud800", "\ufffd": 1, tab: "\t\\\ufffd" });
});

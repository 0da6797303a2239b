import { expect, test } from "bun:test";
import { createDeviceKey, type WireClient } from "@pincer/plugin-sdk/testing/client";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startBus } from "../../tests/support/bus.ts";
import { openRawSocket } from "../../tests/support/raw-socket.ts";
import type { Admitted } from "../access/decision.ts";

const client = { id: "cli", version: "1.0.0", platform: "linux", mode: "cli" };
const connectFrame = (params: object) => ({
  type: "req",
  id: "c1",
  method: "connect",
  params: { minProtocol: 4, maxProtocol: 4, client, ...params },
});

/** How the server turned this first frame away. */
async function refusal(socket: WireClient, first: object | string) {
  await socket.event("connect.challenge");
  if (typeof first === "string") socket.sendRaw(first);
  else socket.send(first as Record<string, unknown>);
  const close = await socket.closed;
  const answer = socket.frames.find(({ type }) => type === "res");
  return { ...close, id: answer?.id, error: answer?.error };
}

test("a socket is greeted with a challenge, and hello says who may do what", async () => {
  await using host = await startBus();
  const socket = await host.connect({ scopes: ["operator.write"] });
  const [challenge, answer] = socket.frames;
  expect(challenge).toMatchObject({
    type: "event",
    event: "connect.challenge",
    payload: { nonce: expect.any(String), ts: expect.any(Number) },
  });
  expect(challenge).not.toHaveProperty("seq");
  expect(answer).toMatchObject({ type: "res", ok: true });
  expect(socket.hello).toMatchObject({
    type: "hello-ok",
    protocol: 4,
    server: { version: "0.0.0-test", bootId: "boot-1", connId: expect.any(String) },
    auth: { role: "operator", scopes: ["operator.write"], method: "token" },
    policy: { maxPayload: 26_214_400, maxBufferedBytes: 52_428_800, tickIntervalMs: 30_000 },
    snapshot: { presence: [{ mode: "gateway", reason: "self" }], health: { ok: true }, sessionDefaults: { mainKey: "main" } },
  });
});

test("every method that hello advertises is known, and no other is", async () => {
  await using host = await startBus();
  const socket = await host.connect();
  const { methods } = socket.hello["features"] as { methods: string[] };
  expect(methods).toContain("health");
  expect(methods).toContain("question.list");
  expect(methods).toEqual([...host.bus.methods()]);
  for (const method of methods) {
    const said = await socket.call(method, { nothing: "of the kind" }).catch((failure) => failure.error.message);
    expect(said).not.toBe(`unknown method: ${method}`);
  }
});

test("a client with keys from the future is let in", async () => {
  await using host = await startBus();
  const socket = await host.connect({ connect: { somethingNew: true }, client: { colour: "red" } });
  expect(socket.hello).toMatchObject({ type: "hello-ok" });
});

test("the first request must be connect", async () => {
  await using host = await startBus();
  expect(await refusal(host.open(), { type: "req", id: "1", method: "health" })).toMatchObject({
    code: 1008,
    reason: "invalid handshake: first request must be connect",
    id: "1",
    error: { code: "INVALID_REQUEST", message: "invalid handshake: first request must be connect" },
  });
});

test("a first frame that is no request closes the socket without a word", async () => {
  await using host = await startBus();
  for (const first of ["hello", "{", "null", '{"type":"req","id":"1"}', '{"type":"event","event":"tick"}']) {
    expect(await refusal(host.open(), first)).toEqual({ code: 1000, reason: "", id: undefined, error: undefined });
  }
});

test("wrong parameters are named by their place, and never repeated, since they may be secrets", async () => {
  await using host = await startBus();
  const wrong = await refusal(host.open(), connectFrame({ auth: { token: ["hunter2"] } }));
  expect(wrong).toMatchObject({
    code: 1008,
    error: { code: "INVALID_REQUEST", details: { code: "BUS_PARAMS_INVALID", path: "/auth/token" } },
  });
  expect(wrong.error?.message).toBe("invalid connect params: at /auth/token: expected string, got an array of 1");
  expect(JSON.stringify(wrong)).not.toContain("hunter2");
  const stranger = await refusal(host.open(), connectFrame({ client: { ...client, id: "stranger" } }));
  expect(stranger.error?.message).toContain('at /client/id: expected one of "webchat-ui"');
});

test("a long reason is cut to what fits into a close frame, the answer is not", async () => {
  const longName = `${"ä".repeat(100)}`;
  await using host = await startBus({
    deps: { access: { connect: async () => Promise.reject(refusalOf(longName)), request: async () => ({ ok: false, status: 401 }) } },
  });
  const turned = await refusal(host.open(), connectFrame({}));
  expect(turned.error?.message).toBe(longName);
  expect(turned.reason).toBe("ä".repeat(61));
});

test("protocol 4 is spoken with operators, 3 and 4 with nodes and probes", async () => {
  await using host = await startBus();
  const range = (minProtocol: number, maxProtocol: number, over: object = {}) =>
    connectFrame({ minProtocol, maxProtocol, auth: { token: host.token }, ...over });
  const mismatch = { code: 1002, reason: "protocol mismatch", error: { code: "INVALID_REQUEST", message: "protocol mismatch" } };
  for (const [min, max] of [
    [1, 3],
    [5, 9],
    [3, 3],
  ] as const) {
    const turned = await refusal(host.open(), range(min, max));
    expect(turned).toMatchObject(mismatch);
    expect(turned.error?.details).toEqual({
      code: "PROTOCOL_MISMATCH",
      clientMinProtocol: min,
      clientMaxProtocol: max,
      expectedProtocol: 4,
      minimumProbeProtocol: 3,
    });
  }
  expect((await host.connect({ connect: { minProtocol: 1, maxProtocol: 99 } })).hello).toMatchObject({ protocol: 4 });
  const old = { connect: { minProtocol: 3, maxProtocol: 3 } };
  expect((await host.connect({ ...old, client: { id: "openclaw-probe", mode: "probe" } })).hello).toMatchObject({ type: "hello-ok" });
  const node = { role: "node", scopes: [], client: { id: "node-host", mode: "node" }, device: createDeviceKey() };
  expect((await host.connect({ ...old, ...node })).hello).toMatchObject({ auth: { role: "node" }, snapshot: { presence: [] } });
  // A node's privilege is a node's alone.
  expect(await refusal(host.open(), range(3, 3, { client: { ...client, mode: "node" }, role: "operator" }))).toMatchObject(mismatch);
});

test("a wrong token is refused by its own code, with the reason in the close", async () => {
  await using host = await startBus();
  expect(await refusal(host.open(), connectFrame({ auth: { token: "wrong" } }))).toMatchObject({
    code: 1008,
    reason: expect.stringContaining("unauthorized"),
    error: { code: "INVALID_REQUEST", details: { code: "AUTH_TOKEN_MISMATCH" } },
  });
});

test("a socket that does not connect in time is closed", async () => {
  const clock = createManualClock();
  await using host = await startBus({ clock });
  const idle = host.open();
  await idle.event("connect.challenge");
  await clock.advance(14_999);
  const other = await host.connect();
  await clock.advance(1);
  expect(await idle.closed).toEqual({ code: 1000, reason: "" });
  await clock.advance(60_000);
  expect(await other.call("health")).toMatchObject({ ok: true });
});

test("before hello a frame may have 64 KiB, also in characters of several bytes", async () => {
  await using host = await startBus();
  const fits = connectFrame({ auth: { token: host.token }, pathEnv: "" });
  const room = 65_536 - Buffer.byteLength(JSON.stringify(fits));
  const socket = host.open();
  await socket.event("connect.challenge");
  socket.send(connectFrame({ auth: { token: host.token }, pathEnv: "x".repeat(room) }));
  expect(await socket.until(({ type }) => type === "res")).toMatchObject({ ok: true });
  for (const pathEnv of ["x".repeat(room + 1), "ü".repeat(room / 2 + 1)]) {
    expect(await refusal(host.open(), connectFrame({ auth: { token: host.token }, pathEnv }))).toMatchObject({
      code: 1009,
      reason: "preauth payload too large",
    });
  }
});

/** Access that answers when the test says so. */
function slowAccess() {
  const asked = Promise.withResolvers<void>();
  const decision = Promise.withResolvers<Admitted>();
  const connect = () => {
    asked.resolve();
    return decision.promise;
  };
  const admit = () => decision.resolve({ principal: "ada", role: "operator", scopes: ["operator.read"], method: "token" });
  return { asked: asked.promise, admit, access: { connect, request: async () => ({ ok: false, status: 401 }) as const } };
}

test("requests that come while connect is being decided wait for the hello, in order", async () => {
  const { asked, admit, access } = slowAccess();
  await using host = await startBus({ deps: { access } });
  const socket = host.open();
  await socket.event("connect.challenge");
  socket.send(connectFrame({}));
  for (let n = 0; n < 15; n++) socket.send({ type: "req", id: `r${n}`, method: "health" });
  await asked;
  expect(socket.frames.filter(({ type }) => type === "res")).toEqual([]);
  admit();
  await socket.until(({ id }) => id === "r14");
  expect(socket.frames.filter(({ type }) => type === "res").map(({ id }) => id)).toEqual([
    "c1",
    ...Array.from({ length: 15 }, (_, n) => `r${n}`),
  ]);
});

test("more than 15 requests before the hello close the socket", async () => {
  const { asked, admit, access } = slowAccess();
  await using host = await startBus({ deps: { access } });
  const socket = host.open();
  await socket.event("connect.challenge");
  socket.send(connectFrame({}));
  await asked;
  for (let n = 0; n < 16; n++) socket.send({ type: "req", id: `r${n}`, method: "health" });
  expect(await socket.closed).toMatchObject({ code: 1008 });
  admit();
  expect(host.bus.connections()).toEqual([]);
});

test("while the gateway starts, connect is answered with a quiet retry", async () => {
  await using host = await startBus({ starting: true });
  const starting = await refusal(host.open(), connectFrame({ auth: { token: host.token } }));
  expect(starting).toMatchObject({ code: 1013, reason: "gateway starting" });
  expect(starting.error).toMatchObject({
    code: "UNAVAILABLE",
    retryable: true,
    retryAfterMs: 500,
    details: { reason: "startup-sidecars" },
  });
  await host.bus.ready();
  expect((await host.connect()).hello).toMatchObject({ type: "hello-ok" });
});

test("when access itself breaks, the client learns a correlation id and the log the cause", async () => {
  const connect = async () => Promise.reject(new Error("database on fire", { cause: new Error("matches") }));
  await using host = await startBus({ deps: { access: { connect, request: async () => ({ ok: false, status: 401 }) } } });
  const broken = await refusal(host.open(), connectFrame({}));
  expect(broken).toMatchObject({ code: 1011, error: { code: "UNAVAILABLE" } });
  expect(JSON.stringify(broken)).not.toContain("fire");
  const fault = host.log.find(({ event }) => event === "bus.fault");
  expect(fault?.fields["correlationId"]).toBe(broken.error?.details?.["correlationId"]);
  expect(fault?.fields["error"]).toMatch(/database on fire.*caused by Error: matches/s);
});

test("compression is declined", async () => {
  await using host = await startBus();
  const socket = await openRawSocket(host.url, ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]);
  expect(socket.upgrade).toStartWith("HTTP/1.1 101");
  expect(socket.upgrade.toLowerCase()).not.toContain("sec-websocket-extensions");
  socket.destroy();
});

const refusalOf = (message: string) =>
  Object.assign(new Error(message), {
    [Symbol.for("pincer.error")]: true,
    code: "AUTH_TEST",
    wire: "INVALID_REQUEST",
    retryable: false,
  });

test("who else is here is told only to who may read", async () => {
  await using host = await startBus();
  await host.connect();
  const presenceOf = async (scopes: readonly string[]) =>
    ((await host.connect({ scopes })).hello["snapshot"] as { presence: unknown[] }).presence;
  expect(await presenceOf(["operator.read"])).not.toEqual([]);
  for (const scopes of [[], ["operator.pairing"]]) expect(await presenceOf(scopes)).toEqual([]);
});

test("pages of other sites, however many, leave room for those who are welcome to knock", async () => {
  await using host = await startBus();
  const knocks = Array.from({ length: 70 }, (_, n) => openRawSocket(host.url, [`Origin: https://evil${n}.example`]));
  const answers = (await Promise.all(knocks)).map(({ upgrade }) => upgrade.split("\r\n")[0]!.split(" ")[1]);
  expect([answers.filter((status) => status === "101").length, answers.filter((status) => status === "503").length]).toEqual([16, 54]);
  await host.connect();
  await host.connect({ headers: { origin: host.url.replace(/\/$/, "") } });
});

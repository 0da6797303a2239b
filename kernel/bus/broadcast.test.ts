import { expect, test } from "bun:test";
import { defineEvent } from "@pincer/plugin-sdk/event";
import type { WireScope } from "@pincer/plugin-sdk/method";
import { createDeviceKey, type WireClient } from "@pincer/plugin-sdk/testing/client";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Type } from "@sinclair/typebox";
import { type BusHost, startBus } from "../../tests/support/bus.ts";
import { io } from "../../tests/support/methods.ts";
import { openRawSocket } from "../../tests/support/raw-socket.ts";

const event = (name: string, scope: WireScope | "any", dropIfSlow = false) =>
  defineEvent({ name, summary: "For tests.", scope, payload: Type.Unknown(), dropIfSlow });
const agent = event("agent", "operator.read");
const approval = event("exec.approval.requested", "operator.approvals");
const notice = event("notice", "any");
const node = () => ({ role: "node", scopes: [], client: { id: "node-host", mode: "node" }, device: createDeviceKey() });
const idOf = ({ hello }: WireClient) => (hello["server"] as { connId: string }).connId;

async function start(options: Parameters<typeof startBus>[0] = {}): Promise<BusHost> {
  const host = await startBus(options);
  for (const each of [agent, approval, notice]) host.plugins.events.set(each.name, each);
  return host;
}

/** What a socket has been sent of some events, once it has answered a question that came after them. */
async function seen(socket: WireClient, ...names: string[]) {
  await socket.call("health");
  return socket.frames
    .filter((frame) => frame.type === "event" && names.includes(frame.event!))
    .map(({ event, payload, seq }) => ({ event, payload, seq }));
}

test("each connection counts the broadcasts that it was sent, and only those", async () => {
  await using host = await start();
  const reader = await host.connect({ scopes: ["operator.read"] });
  const approver = await host.connect({ scopes: ["operator.read", "operator.approvals"] });
  host.bus.emit(agent, 1);
  host.bus.emit(approval, 2);
  host.bus.emit(agent, 3, { connections: [idOf(reader)] });
  host.bus.emit(agent, 4);
  const all = ["agent", "exec.approval.requested"];
  expect(await seen(reader, ...all)).toEqual([
    { event: "agent", payload: 1, seq: 1 },
    { event: "agent", payload: 3, seq: undefined },
    { event: "agent", payload: 4, seq: 2 },
  ]);
  expect(await seen(approver, ...all)).toEqual([
    { event: "agent", payload: 1, seq: 1 },
    { event: "exec.approval.requested", payload: 2, seq: 2 },
    { event: "agent", payload: 4, seq: 3 },
  ]);
});

test("who lacks the scope of an event is not sent it, whatever way it is addressed", async () => {
  await using host = await start();
  const nobody = await host.connect({ scopes: [] });
  const admin = await host.connect({ scopes: ["operator.admin"] });
  const phone = await host.connect(node());
  host.bus.emit(agent, "broadcast");
  host.bus.emit(agent, "named", { connections: [idOf(nobody), idOf(phone), "gone"] });
  host.bus.emit(notice, "all");
  expect((await seen(nobody, "agent", "notice")).map(({ payload }) => payload)).toEqual(["all"]);
  expect((await seen(admin, "agent", "notice")).map(({ payload }) => payload)).toEqual(["broadcast", "all"]);
  // A node holds no scopes: what is meant for it is addressed to it.
  expect((await seen(phone, "agent", "notice")).map(({ payload }) => payload)).toEqual(["named", "all"]);
});

test("an event with topics reaches their subscribers, each once, until they leave", async () => {
  await using host = await start();
  const [a, b, c] = [await host.connect(), await host.connect(), await host.connect()];
  expect(host.bus.subscribe(idOf(a), "session:x")).toBe(true);
  host.bus.subscribe(idOf(a), "sessions");
  host.bus.subscribe(idOf(b), "sessions");
  expect(host.bus.subscribe("nobody", "sessions")).toBe(false);
  host.bus.emit(agent, 1, { topics: ["session:x", "sessions"] });
  host.bus.emit(agent, 2, { topics: ["session:x"] });
  host.bus.emit(agent, 3, { topics: ["session:y"] });
  host.bus.unsubscribe(idOf(a), "session:x");
  host.bus.emit(agent, 4, { topics: ["session:x"] });
  expect((await seen(a, "agent")).map(({ payload }) => payload)).toEqual([1, 2]);
  expect((await seen(b, "agent")).map(({ payload }) => payload)).toEqual([1]);
  expect(await seen(c, "agent")).toEqual([]);
});

test("an event for a capability reaches only clients that declared it", async () => {
  await using host = await start();
  const plain = await host.connect();
  const tools = await host.connect({ caps: ["tool-events"] });
  host.bus.emit(agent, "tool", { cap: "tool-events" });
  expect(await seen(plain, "agent")).toEqual([]);
  expect(await seen(tools, "agent")).toHaveLength(1);
});

test("an event that nobody declared is withheld, and the log says so", async () => {
  await using host = await start();
  const socket = await host.connect();
  host.bus.emit(event("rumour", "any"), "psst");
  expect(await seen(socket, "rumour")).toEqual([]);
  expect(host.log).toContainEqual({ level: "warn", event: "bus.event-undeclared", fields: { name: "rumour" } });
});

test("the declared scope counts, not the one of the value that is emitted", async () => {
  await using host = await start();
  const reader = await host.connect({ scopes: ["operator.read"] });
  host.bus.emit({ ...approval, scope: "any" }, "leak");
  expect(await seen(reader, approval.name)).toEqual([]);
});

test("plugins hear every event, whoever may see it outside", async () => {
  await using host = await start();
  const heard: unknown[] = [];
  host.plugins.deliver = (name, payload) => heard.push([name, payload()]);
  host.bus.emit(approval, 1, { topics: ["session:x"] });
  host.bus.emit(event("rumour", "any"), 2);
  expect(heard).toEqual([["exec.approval.requested", 1]]);
});

test("a payload that is a function is made once, and only when somebody is there for it", async () => {
  await using host = await start();
  const reader = await host.connect();
  const other = await host.connect();
  let made = 0;
  const payload = () => ({ made: ++made });
  host.bus.emit(approval, payload, { topics: ["session:x"] });
  expect(made).toBe(0);
  for (const { info } of host.bus.connections()) host.bus.subscribe(info.id, "session:x");
  host.bus.emit(approval, payload, { topics: ["session:x"] });
  for (const client of [reader, other]) expect(await client.event(approval.name)).toEqual({ made: 1 });
});

test("tick and health come by the clock, health with its version", async () => {
  const clock = createManualClock();
  await using host = await startBus({ clock });
  const operator = await host.connect({ scopes: [] });
  const phone = await host.connect(node());
  await clock.advance(60_000);
  for (const socket of [operator, phone]) {
    await socket.until(({ event, seq }) => event === "health" && seq !== undefined);
    expect(socket.eventsOf("tick")).toHaveLength(2);
    const [first, second] = socket.frames.filter(({ event }) => event === "health") as unknown as { seq?: number; stateVersion: object }[];
    expect(first).not.toHaveProperty("seq");
    expect(first?.stateVersion).toMatchObject({ health: 0 });
    expect(second?.stateVersion).toMatchObject({ health: 1 });
  }
});

test("presence shows who is here, tells of changes, and gathers what changes within a second", async () => {
  const clock = createManualClock();
  await using host = await startBus({ clock });
  const watcher = await host.connect({ scopes: ["operator.read"] });
  const ui = { id: "openclaw-tui", mode: "ui", displayName: "Ada's terminal" };
  const key = createDeviceKey();
  const first = await host.connect({ client: ui, device: key });
  const told = await watcher.until(({ event, seq }) => event === "presence" && seq === 1);
  expect(told).toMatchObject({ stateVersion: { presence: 1 } });
  const { presence } = told.payload as { presence: Record<string, unknown>[] };
  expect(presence[0]).toMatchObject({ mode: "gateway", reason: "self" });
  expect(presence[1]).toMatchObject({ host: "Ada's terminal", deviceId: key.id, roles: ["operator"], mode: "ui" });
  expect(presence).toHaveLength(2);
  // The second socket of the same device is the same somebody; a CLI call is nobody.
  const second = await host.connect({ client: ui, device: key });
  expect(await host.bus.diagnostics.presence({}, io)).toHaveLength(2);
  await second.close();
  await first.close();
  expect(watcher.frames.filter(({ event, seq }) => event === "presence" && seq !== undefined)).toHaveLength(1);
  await clock.advance(1_000);
  const gone = await watcher.until(({ event, seq }) => event === "presence" && seq === 2);
  expect((gone.payload as { presence: unknown[] }).presence).toHaveLength(1);
});

test("a device's report of itself is merged into its presence", async () => {
  await using host = await startBus();
  const key = createDeviceKey();
  const desktop = await host.connect({ client: { id: "openclaw-macos", mode: "ui" }, device: key });
  await host.bus.diagnostics.report({ text: "Node: idle", deviceId: key.id, lastInputSeconds: 30, tags: ["desk"] }, io);
  const [, entry] = await host.bus.diagnostics.presence({}, io);
  expect(entry).toMatchObject({ deviceId: key.id, mode: "ui", text: "Node: idle", lastInputSeconds: 30, tags: ["desk"] });
  await using _second = await host.connect({ client: { id: "openclaw-macos", mode: "ui" }, device: key });
  const listed = async () => (await host.bus.diagnostics.presence({}, io)).map(({ text }) => text);
  await desktop.close();
  expect(await listed()).toEqual([undefined, "Node: idle"]);
  await host.bus.diagnostics.report({ text: "Node: gone", host: "printer" }, io);
  expect(await listed()).toEqual([undefined, "Node: gone", "Node: idle"]);
});

test("a socket that does not answer a ping in time is dropped, a quiet living one is not", async () => {
  const clock = createManualClock();
  await using host = await startBus({ clock });
  const quiet = await host.connect();
  const dead = await openRawSocket(host.url);
  const client = { id: "cli", version: "1", platform: "linux", mode: "cli" };
  const params = { minProtocol: 4, maxProtocol: 4, client, auth: { token: host.token } };
  dead.send(JSON.stringify({ type: "req", id: "1", method: "connect", params }));
  await dead.until((bytes) => bytes.includes("hello-ok"));
  await clock.advance(30_000);
  await dead.until((bytes) => bytes.includes(Buffer.from([0x89, 0])));
  // Its answer to the ping comes between these two.
  for (let calls = 0; calls < 2; calls++) await quiet.call("health");
  await clock.advance(25_000);
  await dead.closed;
  expect(await quiet.call("health")).toMatchObject({ ok: true });
  expect(host.bus.connections()).toHaveLength(1);
});

test("who reads too slowly is skipped by what may be dropped, then closed, and nobody else notices", async () => {
  await using host = await start({ settings: { dropBytes: 1_000_000, bufferedBytes: 8_000_000 } });
  const lazy = event("lazy", "any", true);
  host.plugins.events.set("lazy", lazy);
  const good = await host.connect();
  const slow = await openRawSocket(host.url);
  const client = { id: "cli", version: "1", platform: "linux", mode: "cli" };
  slow.send(
    JSON.stringify({
      type: "req",
      id: "1",
      method: "connect",
      params: { minProtocol: 4, maxProtocol: 4, client, auth: { token: host.token } },
    }),
  );
  await slow.until((bytes) => bytes.includes("hello-ok"));
  slow.pause();
  const chunk = "x".repeat(500_000);
  const emitAndRead = async (what: typeof lazy, count: number) => {
    for (let n = 0; n < count; n++) {
      host.bus.emit(what, chunk);
      await good.call("health");
    }
  };
  // Far more than the buffers of both ends and the limit hold, and yet the slow one stays: these may be dropped.
  await emitAndRead(lazy, 60);
  expect(host.bus.connections()).toHaveLength(2);
  await emitAndRead(notice, 30);
  while (host.bus.connections().length > 1) await good.call("health");
  expect((await host.bus.diagnostics.notes({}, io)).notes.map(({ type }) => type)).toContain("bus.slow-consumer");
  const delivered = good.frames.filter(({ event }) => event === "lazy" || event === "notice");
  expect(delivered.map(({ seq }) => seq)).toEqual(Array.from({ length: 90 }, (_, index) => index + 1));
  slow.destroy();
});

test("connections are listed, and closed by whom they belong to", async () => {
  await using host = await startBus();
  const key = createDeviceKey();
  const removed = await host.connect({ client: { id: "openclaw-tui", mode: "ui" }, device: key });
  const other = await host.connect();
  expect(host.bus.connections().map(({ info }) => info.deviceId)).toEqual([key.id, undefined]);
  expect(host.bus.disconnect(({ deviceId }) => deviceId === key.id, 4001, "device removed")).toBe(1);
  expect(await removed.closed).toEqual({ code: 4001, reason: "device removed" });
  expect(await other.call("health")).toMatchObject({ ok: true });
  expect(host.bus.connections().map(({ info }) => info.clientMode)).toEqual(["cli"]);
});

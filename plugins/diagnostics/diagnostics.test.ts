import { expect, test } from "bun:test";
import { join } from "node:path";
import { validateLogsTailParams } from "@openclaw/gateway-protocol";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { createDeviceKey } from "@pincer/plugin-sdk/testing/client";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { Value } from "@sinclair/typebox/value";
import { logsTail } from "./methods.ts";

const only = ["diagnostics", "sessions", "agent", "routing", "models", "provider-demo"];
const published = await Bun.file(join(import.meta.dir, "../../node_modules/@openclaw/gateway-protocol/protocol.schema.json")).json();

test("status has the parts that clients read, of every agent", async () => {
  await using gateway = await startTestGateway({ only, config: { agents: { list: [{ id: "main" }, { id: "work" }] } } });
  const client = await gateway.connect();
  await client.call("sessions.create", { key: "agent:work:notes" });
  expect(await client.call("status")).toMatchObject({
    runtimeVersion: (client.hello["server"] as { version: string }).version,
    heartbeat: {
      defaultAgentId: "main",
      agents: [
        { agentId: "main", enabled: false, every: "0m" },
        { agentId: "work", enabled: false },
      ],
    },
    channelSummary: [],
    queuedSystemEvents: [],
    tasks: {},
    sessions: {
      count: 1,
      defaults: { modelProvider: "demo", model: "offline" },
      recent: [{ key: "agent:work:notes" }],
      byAgent: [
        { agentId: "main", count: 0 },
        { agentId: "work", count: 1 },
      ],
    },
    eventLoop: { degraded: expect.any(Boolean) },
  });
});

test("what nobody provides is said to be unknown", async () => {
  await using gateway = await startTestGateway({ only: ["diagnostics"] });
  const { sessions } = await (await gateway.connect()).call("status");
  expect(sessions).toMatchObject({ count: 0, defaults: { modelProvider: null, model: null, contextTokens: null } });
});

test("a device's report is in the presence list, and status shows the last twenty", async () => {
  await using gateway = await startTestGateway({ only: [...only, "devices"] });
  const desktop = await gateway.connect({ client: { id: "openclaw-macos", mode: "ui" }, device: createDeviceKey() });
  const report = { text: "Node: idle", host: "printer", lastInputSeconds: 30, tags: ["desk"] };
  expect(await desktop.call("system-event", report)).toEqual({ ok: true });
  const [self, ...others] = await desktop.call<Record<string, unknown>[]>("system-presence");
  expect(self).toMatchObject({ mode: "gateway", reason: "self" });
  expect(others).toContainEqual(expect.objectContaining(report));
  for (let n = 1; n <= 20; n++) await desktop.call("system-event", { ...report, text: `Node: ${n}` });
  const { queuedSystemEvents } = await desktop.call<{ queuedSystemEvents: string[] }>("status");
  expect(queuedSystemEvents).toEqual(Array.from({ length: 20 }, (_, n) => `Node: ${n + 1}`));
});

test("presence has the published shape", async () => {
  await using gateway = await startTestGateway({ only: [...only, "devices"] });
  const desktop = await gateway.connect({
    client: { id: "openclaw-macos", mode: "ui", timeZone: "Europe/Berlin" },
    device: createDeviceKey(),
  });
  await desktop.call("system-event", { text: "Node: idle", host: "printer" });
  const entries = await desktop.call<Record<string, unknown>[]>("system-presence");
  expect(entries).toHaveLength(3);
  // Observed on the wire, and missing in the package: which client it is.
  const schema = reviveSchema(published.definitions.PresenceEntry);
  for (const { clientId: _, ...entry } of entries) expect([...Value.Errors(schema, entry)]).toEqual([]);
});

test("what disturbed the gateway is listed by kind and place, up to a bound", async () => {
  const gateway = { requests: 1, stabilityEvents: 3 };
  await using running = await startTestGateway({ only, config: { gateway } });
  const client = await running.connect();
  // With room for one request, those that come while it runs are refused, and that is noted.
  const calls = Array.from({ length: 6 }, () => client.call("logs.tail"));
  const refused = (await Promise.allSettled(calls)).filter(({ status }) => status === "rejected").length;
  expect(refused).toBe(5);
  const seen = await client.call("diagnostics.stability", { type: "bus.busy" });
  expect(seen).toMatchObject({ capacity: 3, count: 3, dropped: 2, firstSeq: 3, lastSeq: 5, summary: { byType: { "bus.busy": 3 } } });
  expect(await client.call("diagnostics.stability", { sinceSeq: 4 })).toMatchObject({ firstSeq: 5, lastSeq: 5 });
  expect(await client.call("diagnostics.stability", { limit: 1 })).toMatchObject({ firstSeq: 5, lastSeq: 5 });
  expect(await client.call("diagnostics.stability", { type: "none" })).toMatchObject({ events: [], summary: { byType: {} } });
});

test("the log is followed by its cursor", async () => {
  await using gateway = await startTestGateway({ only });
  const client = await gateway.connect();
  const first = await client.call<{ lines: string[]; cursor: number }>("logs.tail", { limit: 100 });
  expect(first.lines.some((line) => line.includes("gateway.ready"))).toBe(true);
  gateway.gateway.log.info("something.new");
  const next = await client.call<{ lines: string[] }>("logs.tail", { cursor: first.cursor });
  expect(next.lines.map((line) => JSON.parse(line).event)).toContain("something.new");
});

test("logs.tail takes what the protocol says", () => {
  for (const params of [
    {},
    { cursor: 0, limit: 5000, maxBytes: 1_000_000 },
    { limit: 0 },
    { limit: 5001 },
    { cursor: -1 },
    { maxBytes: 1_000_001 },
    { other: 1 },
  ]) {
    expect({ params, ok: Value.Check(logsTail.params, params) }).toEqual({ params, ok: validateLogsTailParams(params) });
  }
});

test("unloading leaves nothing behind", async () => {
  await using gateway = await startTestGateway({ only });
  const client = await gateway.connect();
  await client.call("status");
  await gateway.gateway.host.reload("diagnostics");
  expect(await client.call("status")).toMatchObject({ channelSummary: [] });
  await gateway.gateway.host.setEnabled("diagnostics", false);
  await expect(client.call("status")).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
  expect(await client.call("health")).toMatchObject({ ok: true });
  expect(gateway.lines.filter(({ event }) => event === "plugin.unload-late")).toEqual([]);
});

import { expect, test } from "bun:test";
import * as oracle from "@openclaw/gateway-protocol/schema";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type Row, wrong } from "../../tests/support/sessions.ts";

const withAgent = ["sessions", "agent", "routing", "models", "provider-demo"];
const created = async (client: { call<T>(method: string, params: object): Promise<T> }, params: object) =>
  client.call<{ key: string; entry: Row; runStarted: boolean; runId?: string }>("sessions.create", params);

test("a session that is made with a message begins with a turn, which a repetition does not begin again", async () => {
  await using gateway = await startTestGateway({ only: withAgent });
  const client = await gateway.connect();
  await client.call("sessions.subscribe", {});
  const attachment = { mimeType: "image/png", content: "AAAA", fileName: "dot.png" };
  const asked = { label: "Trip", message: "what time is it", idempotencyKey: "k1", attachments: [attachment] };
  const begun = await created(client, asked);
  expect(wrong(oracle.SessionsCreateResultSchema, begun)).toEqual([]);
  expect(begun).toMatchObject({ runStarted: true, runId: "k1", entry: { label: "Trip", key: begun.key } });
  await client.event("sessions.changed", ({ phase, runId }) => phase === "end" && runId === "k1");
  expect(await created(client, asked)).toEqual(begun);
  const { messages } = await client.call<{ messages: Row[] }>("sessions.get", { key: begun.key });
  expect(messages.filter(({ role }) => role === "user")).toHaveLength(1);
  const { defaults } = await client.call<{ defaults: Row }>("sessions.list", {});
  expect(defaults).toMatchObject({ modelProvider: "demo", model: expect.any(String), contextTokens: expect.any(Number) });
});

test("without a plugin that runs turns a session is made, and the answer says why nothing began", async () => {
  await using gateway = await startTestGateway({ only: ["sessions"] });
  const client = await gateway.connect();
  const answer = await created(client, { message: "hi" });
  expect(wrong(oracle.SessionsCreateResultSchema, answer)).toEqual([]);
  const runError = { code: "UNAVAILABLE", message: "no plugin here runs turns; enable the agent plugin" };
  expect(answer).toMatchObject({ ok: true, runStarted: false, runError });
  const { defaults } = await client.call<{ defaults: object }>("sessions.list", {});
  expect(defaults).toEqual({ modelProvider: null, model: null, contextTokens: null });
});

test("who follows sessions goes on to hear of them when the plugin is replaced", async () => {
  await using gateway = await startTestGateway({ only: ["sessions"] });
  const [all, one] = [await gateway.connect(), await gateway.connect()];
  await all.call("sessions.subscribe", {});
  await one.call("sessions.messages.subscribe", { key: "main" });
  await gateway.gateway.host.reload("sessions");
  await all.call("sessions.patch", { key: "main", label: "Home" });
  const session = { key: "agent:main:main", label: "Home" };
  for (const client of [all, one]) expect(await client.event("sessions.changed")).toMatchObject({ reason: "patch", session });
});

test("unloading leaves nothing behind, and the gateway stays healthy without it", async () => {
  await using gateway = await startTestGateway({ only: ["sessions"] });
  const client = await gateway.connect();
  await client.call("sessions.patch", { key: "main", label: "Home" });
  await gateway.gateway.host.setEnabled("sessions", false);
  await expect(client.call("sessions.list", {})).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
  expect(await client.call("health")).toMatchObject({ ok: true, sessions: { count: 1, recent: [{ key: "agent:main:main" }] } });
  expect(gateway.lines.filter(({ event }) => event === "plugin.unload-late")).toEqual([]);
});

test("who may only write cannot empty a conversation by a command in a session's first message, and both outcomes are recorded", async () => {
  await using gateway = await startTestGateway({ only: withAgent });
  const admin = await gateway.connect();
  const writer = await gateway.connect({ scopes: ["operator.read", "operator.write"] });
  const idOf = async () => (await admin.call<{ session: Row }>("sessions.describe", { key: "main" })).session.sessionId;
  await admin.call("sessions.patch", { key: "main", label: "Home" });
  const before = await idOf();
  for (const text of [{ message: "/reset" }, { task: "/new and more" }])
    await expect(created(writer, { key: "main", ...text })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
  await expect(writer.call("chat.send", { sessionKey: "main", message: "/reset", idempotencyKey: "w" })).rejects.toMatchObject({
    error: { details: { code: "MISSING_SCOPE", missingScope: "operator.admin" } },
  });
  expect(await idOf()).toBe(before);
  const { runId } = await created(admin, { key: "main", message: "/reset" });
  await admin.event("chat", (payload) => payload["runId"] === runId && payload["state"] === "final");
  expect(await idOf()).not.toBe(before);
  const { audit } = gateway.gateway.access;
  await audit.settled();
  const rows = (await audit.page({ limit: 50 })).map(({ principal, action, outcome }) => `${principal} ${action} ${outcome}`).reverse();
  expect(rows).toEqual([
    "shared sessions.create refused",
    "shared sessions.create refused",
    "shared chat.send refused",
    "shared sessions.create ok",
    "plugin:agent sessions.reset ok",
  ]);
});

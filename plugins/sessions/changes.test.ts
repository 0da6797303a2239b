import { expect, test } from "bun:test";
import * as oracle from "@openclaw/gateway-protocol/schema";
import { assistant, entry, io, type Row, serveSessions, user, wrong } from "../../tests/support/sessions.ts";

test("fields are set and cleared; facets among them need the scope that their plugin says", async () => {
  await using host = await serveSessions();
  const writer = await host.bus.connect({ scopes: ["operator.read", "operator.write"] });
  const patch = (fields: object) => writer.call<{ entry: Row }>("sessions.patch", { key: "main", ...fields });
  const set = { label: "Home", icon: "leaf", category: "private", pinned: true, unread: true, model: "acme/two", thinkingLevel: "high" };
  const { entry: row } = await patch(set);
  expect(row).toMatchObject({ ...set, displayName: "Home", pinnedAt: host.clock.now() });
  const cleared = (await patch({ label: null, icon: null, pinned: false, unread: false, model: null })).entry;
  expect(cleared).toMatchObject({ category: "private", pinned: false, unread: false });
  for (const name of ["label", "icon", "pinnedAt", "model"]) expect(cleared).not.toHaveProperty(name);
  await expect(patch({ elevatedLevel: "full" })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
  await expect(patch({ inputTokens: 5 })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
  await expect(patch({ thinkingLevel: "huge" })).rejects.toThrow("thinkingLevel");
  await expect(patch({ label: "x".repeat(513) })).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
  const admin = (fields: object) => host.client.call("sessions.patch", { key: "main", ...fields });
  expect(await admin({ elevatedLevel: "full" })).toMatchObject({ entry: { elevatedLevel: "full" } });
  await expect(admin({ inputTokens: 5 })).rejects.toThrow('"inputTokens" cannot be set; what can be is label');
  await expect(admin({ label: "x", expectedSessionId: "another" })).rejects.toMatchObject({
    error: { details: { code: "SESSION_CHANGED" } },
  });
  expect(wrong(oracle.SessionRowSchema, (await admin({ label: "x" }))["entry"])).toEqual([]);
});

test("an answer that nobody has read marks a session unread until it is read", async () => {
  await using host = await serveSessions();
  await host.seed("main");
  await host.clock.advance(1);
  await host.append("main", entry("more", assistant("news")));
  expect(await host.row("main")).toMatchObject({ unread: true });
  await host.client.call("sessions.patch", { key: "main", unread: false });
  expect(await host.row("main")).toMatchObject({ unread: false });
});

test("a reset begins an empty transcript, keeps the old one under its id, and keeps what was chosen", async () => {
  await using host = await serveSessions();
  await host.seed("main");
  await host.sessions.contract.patch({ key: "main", facets: { model: "acme/two" }, add: { inputTokens: 9 } }, io);
  const before = await host.row("main");
  const { entry: row, resolved } = await host.client.call<{ entry: Row; resolved: object }>("sessions.reset", {
    key: "main",
    reason: "new",
  });
  expect(host.ended).toEqual([{ key: "agent:main:main", reason: "reset" }]);
  expect(row.sessionId).not.toBe(before.sessionId);
  expect(resolved).toEqual({ sessionId: row.sessionId });
  expect(row).toMatchObject({ previousSessionId: before.sessionId, model: "acme/two", inputTokens: 0 });
  expect(await host.client.call("sessions.get", { key: "main" })).toEqual({ messages: [] });
  const old = await host.client.call<{ messages: Row[] }>("sessions.get", { key: "main", sessionId: before.sessionId });
  expect(old.messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
  expect(old.messages[0]?.["__openclaw"]).toMatchObject({ id: "main-1", seq: 1 });
  await host.append("main", entry("main-2"), entry("fresh"));
  expect((await host.path("main")).map(({ id, seq }) => [id, seq])).toEqual([["fresh", 1]]);
  const stale = host.client.call("sessions.reset", { key: "main", expectedSessionId: before.sessionId });
  await expect(stale).rejects.toMatchObject({ error: { details: { code: "SESSION_CHANGED" } } });
});

test("a deleted session is gone with its transcripts, unless they are asked to be kept", async () => {
  await using host = await serveSessions();
  await host.seed("main", "one", "two");
  const { sessionId } = await host.row("two");
  const deleted = await host.client.call("sessions.delete", { key: "one" });
  expect(deleted).toEqual({ ok: true, key: "agent:main:one", deleted: true, archived: [] });
  const kept = await host.client.call("sessions.delete", { key: "two", deleteTranscript: false });
  expect(kept).toEqual({ ok: true, key: "agent:main:two", deleted: true, archived: [sessionId] });
  for (const result of [deleted, kept]) expect(wrong(oracle.SessionsDeleteResultSchema, result)).toEqual([]);
  expect(host.ended.map(({ key, reason }) => [key, reason])).toEqual([
    ["agent:main:one", "deleted"],
    ["agent:main:two", "deleted"],
  ]);
  expect(await host.client.call("sessions.delete", { key: "one" })).toMatchObject({ deleted: false });
  expect(await host.keys()).toEqual(["main"]);
  const left = await host.store.read<{ id: string }>("select id from session_entry order by id");
  expect(left.map(({ id }) => id)).toEqual(["main-1", "main-2", "two-1", "two-2"]);
  expect(await host.client.call("sessions.search", { query: "hello from one" })).toEqual({ results: [] });
  await expect(host.client.call("sessions.delete", { key: "main" })).rejects.toMatchObject({
    error: { details: { code: "SESSION_PROTECTED" } },
  });
  await host.seed("one");
  expect((await host.path("one")).map(({ seq }) => seq)).toEqual([1, 2]);
});

test("with operator.write only what was archived can be deleted", async () => {
  await using host = await serveSessions();
  await host.seed("one");
  const writer = await host.bus.connect({ scopes: ["operator.read", "operator.write"] });
  await expect(writer.call("sessions.delete", { key: "one" })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
  await expect(writer.call("sessions.delete", { key: "one", archivedOnly: true })).rejects.toThrow("is not archived");
  await writer.call("sessions.patch", { key: "one", archived: true });
  expect(await writer.call("sessions.delete", { key: "one", archivedOnly: true })).toMatchObject({ deleted: true });
  await expect(writer.call("sessions.reset", { key: "one" })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
});

test("a new session gets a key of its own, and is the owner's unless its key is a conversation of a channel", async () => {
  await using host = await serveSessions();
  const plain = await host.client.call<Row & { entry: Row }>("sessions.create", {});
  expect(plain.key).toMatch(/^agent:main:dashboard:[0-9a-f-]{36}$/);
  expect(plain).toMatchObject({ ok: true, runStarted: false, entry: { key: plain.key } });
  expect(wrong(oracle.SessionsCreateResultSchema, plain)).toEqual([]);
  const asked = { agentId: "ops", label: "Trip", model: "acme/two", idempotencyKey: "k1" };
  const made = await host.client.call<Row>("sessions.create", asked);
  expect(made).toMatchObject({ runStarted: false, entry: { label: "Trip", model: "acme/two", agentId: "ops" } });
  expect(await host.client.call("sessions.create", asked)).toEqual(made);
  expect((await host.sessions.contract.get({ key: made.key }, io))?.owner).toBe(true);
  await host.client.call("sessions.create", { key: "chat:home:7" });
  expect((await host.sessions.contract.get({ key: "chat:home:7" }, io))?.owner).toBe(false);
  await expect(host.client.call("sessions.create", { worktree: true })).rejects.toThrow('"worktree" cannot be set');
  const before = await host.keys();
  await expect(host.client.call("sessions.create", { thinkingLevel: "huge" })).rejects.toThrow("thinkingLevel");
  expect(await host.keys()).toEqual(before);
});

test("a message to an archived session brings it back", async () => {
  await using host = await serveSessions();
  await host.seed("one");
  await host.client.call("sessions.patch", { key: "one", archived: true });
  await host.append("one", entry("late", assistant("still writing")));
  expect(await host.keys()).toEqual([]);
  await host.append("one", entry("new", user("are you there?")));
  expect(await host.keys()).toEqual(["one"]);
  expect(await host.row("one")).not.toHaveProperty("archivedAt");
});

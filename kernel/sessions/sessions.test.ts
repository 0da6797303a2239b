import { expect, test } from "bun:test";
import * as oracle from "@openclaw/gateway-protocol/schema";
import { assistant, entry, facets, io, type Row, serveSessions, startSessions, user, wrong } from "../../tests/support/sessions.ts";

test("a session's row holds what the protocol promises, with facets beside it", async () => {
  await using host = await serveSessions();
  await host.sessions.contract.ensure({ key: "main", facets: { model: "acme/one" } }, io);
  await host.append("main", entry("u", user("Hello\nthere")), entry("a", assistant("General greeting")));
  await host.sessions.contract.patch({ key: "main", facets: { totalTokensFresh: true }, add: { inputTokens: 12, outputTokens: 3 } }, io);
  await host.sessions.contract.patch({ key: "main", add: { inputTokens: 5 } }, io);
  const [row] = await host.rows({ includeDerivedTitles: true, includeLastMessage: true });
  const now = host.clock.now();
  expect(row).toEqual({
    key: "agent:main:main",
    kind: "direct",
    agentId: "main",
    sessionId: row!.sessionId,
    updatedAt: now,
    createdAt: now,
    derivedTitle: "Hello there",
    lastMessagePreview: "General greeting",
    classification: "main",
    isMain: true,
    archived: false,
    pinned: false,
    unread: false,
    lastInteractionAt: now,
    hasActiveRun: false,
    activeRunIds: [],
    snapshotAt: now,
    model: "acme/one",
    inputTokens: 17,
    outputTokens: 3,
    totalTokensFresh: true,
  });
  expect(wrong(oracle.SessionRowSchema, row)).toEqual([]);
});

test("a facet that nobody declares, or a value that its schema refuses, is not kept", async () => {
  await using host = await startSessions();
  const { contract } = host.sessions;
  await contract.ensure({ key: "main" }, io);
  await expect(contract.patch({ key: "main", facets: { mood: "good" } }, io)).rejects.toThrow('no plugin declares the facet "mood"');
  await expect(contract.patch({ key: "main", facets: { inputTokens: "many" } }, io)).rejects.toThrow("inputTokens: at /: expected integer");
  await expect(contract.patch({ key: "nowhere", facets: { inputTokens: 1 } }, io)).rejects.toMatchObject({ code: "SESSION_UNKNOWN" });
  await contract.patch({ key: "main", facets: { model: "a/b" } }, io);
  await contract.patch({ key: "main", facets: { model: null } }, io);
  expect((await contract.get({ key: "main" }, io))?.facets).toEqual({});
  expect(await contract.get({ key: "agent:other:main" }, io)).toBeNull();
});

test("the owner's own sessions are main, and what the router says, also when it says so later", async () => {
  await using host = await startSessions();
  const ensure = (key: string, owner?: boolean) => host.sessions.contract.ensure({ key, ...(owner !== undefined && { owner }) }, io);
  expect((await ensure("main")).owner).toBe(true);
  expect((await ensure("chat:home:7")).owner).toBe(false);
  expect((await ensure("chat:home:7", true)).owner).toBe(true);
  expect((await ensure("chat:home:7")).owner).toBe(true);
  expect((await ensure("chat:home:7", false)).owner).toBe(false);
  const [one, two] = await Promise.all([ensure("chat:home:8"), ensure("chat:home:8")]);
  expect(one).toEqual(two);
});

test("only who subscribed hears of sessions, of all or of one", async () => {
  await using host = await serveSessions();
  const other = await host.bus.connect();
  const silent = await host.bus.connect();
  expect(await host.client.call("sessions.subscribe", {})).toEqual({ subscribed: true });
  expect(await other.call("sessions.messages.subscribe", { key: "main" })).toEqual({ subscribed: true, key: "agent:main:main" });
  await host.sessions.contract.ensure({ key: "main" }, io);
  await host.append("main", entry("u", { ...user("hi"), idempotencyKey: "r1:user" } as never, { runId: "r1" }));
  await host.append("main", entry("u"));
  await host.seed("elsewhere");
  const message = await other.event("session.message");
  expect(message).toMatchObject({
    sessionKey: "agent:main:main",
    agentId: "main",
    messageId: "u",
    messageSeq: 1,
    message: { role: "user", content: "hi", idempotencyKey: "r1:user", __openclaw: { id: "u", seq: 1, runId: "r1" } },
    session: { key: "agent:main:main", lastMessagePreview: "hi" },
  });
  await host.client.event("session.message", (payload) => payload["messageId"] === "elsewhere-2");
  expect(host.client.eventsOf("session.message").map((payload) => payload["messageId"])).toEqual(["u", "elsewhere-1", "elsewhere-2"]);
  expect(await other.call("sessions.messages.unsubscribe", { key: "main" })).toEqual({ subscribed: false, key: "agent:main:main" });
  await host.append("main", entry("later"));
  await host.client.event("session.message", (payload) => payload["messageId"] === "later");
  for (const client of [other, silent]) await client.call("sessions.list");
  expect(other.eventsOf("session.message").length).toBe(1);
  expect([...silent.eventsOf("session.message"), ...silent.eventsOf("sessions.changed")]).toEqual([]);
  const listed = await host.client.call<{ list: { sessions: Row[] } }>("sessions.subscribe", { limit: 1 });
  expect(listed.list.sessions.length).toBe(1);
});

test("what runs in a session shows in its row and in events, and how it ended is kept", async () => {
  await using host = await serveSessions();
  await host.client.call("sessions.subscribe", {});
  await host.sessions.contract.ensure({ key: "main" }, io);
  const startedAt = host.clock.now();
  await host.sessions.contract.running({ key: "main", runIds: ["r1"], reason: "start" }, io);
  expect(await host.row("main")).toMatchObject({ hasActiveRun: true, activeRunIds: ["r1"], status: "running", startedAt });
  await host.clock.advance(500);
  await host.sessions.contract.running({ key: "main", runIds: [], reason: "aborted" }, io);
  const started = await host.client.event("sessions.changed", ({ phase }) => phase === "start");
  expect(started).toMatchObject({ sessionKey: "agent:main:main", runId: "r1", session: { hasActiveRun: true } });
  const last = await host.client.event("sessions.changed", ({ reason }) => reason === "aborted");
  expect(last).toMatchObject({ runId: "r1", session: { hasActiveRun: false, activeRunIds: [], status: "killed" } });
  await host.store.write();
  expect(await host.row("main")).toMatchObject({ hasActiveRun: false, status: "killed", startedAt, endedAt: startedAt + 500 });
});

test("a session that nobody used for a day falls idle once, keeps its transcript, and wakes with the next message", async () => {
  await using host = await serveSessions();
  await host.client.call("sessions.subscribe", {});
  await host.seed("main", "busy");
  await host.sessions.contract.running({ key: "busy", runIds: ["r"], reason: "start" }, io);
  await host.clock.advance(23 * 3_600_000);
  await host.store.write();
  expect(host.ended).toEqual([]);
  await host.clock.advance(2 * 3_600_000);
  const told = await host.client.event("sessions.changed", ({ reason }) => reason === "idle");
  expect(told).toMatchObject({ sessionKey: "agent:main:main", session: { key: "agent:main:main" } });
  expect(await host.row("main")).toHaveProperty("idleAt");
  expect(host.ended).toEqual([{ key: "agent:main:main", reason: "idle" }]);
  expect((await host.path("main")).length).toBe(2);
  await host.clock.advance(5 * 3_600_000);
  await host.store.write();
  expect(host.ended.length).toBe(1);
  await host.append("main", entry("again"));
  expect(await host.row("main")).not.toHaveProperty("idleAt");
  host.settings.idleMs = 0;
  await host.clock.advance(100 * 3_600_000);
  await host.retention.run();
  expect(host.ended.length).toBe(1);
});

test("an overdue sweep goes through everything in pieces", async () => {
  await using host = await startSessions({}, { sweepSize: 2 });
  for (const name of ["a", "b", "c", "d", "e"]) await host.sessions.contract.ensure({ key: name }, io);
  await host.clock.advance(86_400_001);
  await host.retention.run();
  expect(host.ended.length).toBe(5);
  await host.retention.run();
  expect(host.ended.length).toBe(5);
});

test("what happens in a session costs no row while nobody follows it", async () => {
  let looks = 0;
  const counted = () => {
    looks++;
    return facets;
  };
  await using host = await serveSessions({ facets: counted });
  await host.sessions.contract.ensure({ key: "main" }, io);
  const happen = async (id: string) => {
    const before = looks;
    await host.append("main", entry(id));
    await host.sessions.contract.running({ key: "main", runIds: [id], reason: "start" }, io);
    return looks - before;
  };
  expect(await happen("a")).toBe(0);
  await host.client.call("sessions.messages.subscribe", { key: "main" });
  expect(await happen("b")).toBe(2);
  expect(await host.client.event("session.message")).toMatchObject({ messageId: "b", session: { lastMessagePreview: "b" } });
});

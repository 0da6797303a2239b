import { expect, test } from "bun:test";
import * as oracle from "@openclaw/gateway-protocol/schema";
import type { TurnRequest } from "@pincer/plugin-sdk/contracts/turn";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { Value } from "@sinclair/typebox/value";
import { assistant, entry, io, type ServedSessions, serveSessions, startSessions, user } from "../../tests/support/sessions.ts";

/** What the reference package says of a payload: nothing, or where it is wrong. */
const wrong = (schema: unknown, payload: unknown) =>
  [...Value.Errors(reviveSchema(JSON.parse(JSON.stringify(schema))), payload)].map(({ path, message }) => `${path} ${message}`);

type Row = Record<string, unknown> & { key: string; sessionId: string };

async function serve(over: Parameters<typeof serveSessions>[0] = {}, settings: Parameters<typeof serveSessions>[1] = {}) {
  const host = await serveSessions(over, settings);
  const client = await host.bus.connect();
  return Object.assign(host, {
    client,
    rows: async (params: object = {}) => (await client.call<{ sessions: Row[] }>("sessions.list", params)).sessions,
    keys: async (params: object = {}) =>
      (await client.call<{ sessions: Row[] }>("sessions.list", params)).sessions.map(({ key }) => key.replace("agent:main:", "")),
    row: async (key: string) => (await client.call<{ session: Row }>("sessions.describe", { key, includeLastMessage: true })).session,
  });
}

/** Sessions that came up one second after another. */
async function seed(host: ServedSessions, ...names: string[]) {
  for (const name of names) {
    await host.sessions.contract.ensure({ key: name }, io);
    await host.append(
      `agent:main:${name}`,
      entry(`${name}-1`, user(`hello from ${name}`)),
      entry(`${name}-2`, assistant(`answer to ${name}`)),
    );
    await host.clock.advance(1_000);
  }
}

test("a session's row holds what the protocol promises, with facets beside it", async () => {
  await using host = await serve();
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

test("the list is paged, newest first, and says where the next page begins", async () => {
  await using host = await serve({}, { listLimit: 2, listLimitMax: 3 });
  await seed(host, "a", "b", "c", "d", "e");
  const page = async (params: object): Promise<Record<string, unknown>> => {
    const { sessions, ...rest } = await host.client.call<{ sessions: Row[] }>("sessions.list", params);
    return { ...rest, keys: sessions.map(({ key }) => key.replace("agent:main:", "")) };
  };
  const common = { ts: host.clock.now(), path: "store", totalCount: 5, owners: [], defaults: {} };
  expect(await page({})).toEqual({ ...common, count: 2, limitApplied: 2, nextOffset: 2, hasMore: true, keys: ["e", "d"] });
  expect(await page({ offset: 2, limit: 50 })).toEqual({
    ...common,
    ...{ count: 3, limitApplied: 3, nextOffset: null, hasMore: false, keys: ["c", "b", "a"] },
  });
  expect(await page({ offset: 9 })).toMatchObject({ count: 0, hasMore: false, nextOffset: null });
});

test("every filter of the list does what it says", async () => {
  await using host = await serve({ agentIds: () => ["main"], defaults: () => ({ model: "acme/one" }) });
  await seed(host, "main", "chat:home:7", "dashboard:x", "old");
  await host.sessions.contract.ensure({ key: "agent:gone:main" }, io);
  await host.client.call("sessions.patch", { key: "old", archived: true, label: "Tax papers" });
  await host.client.call("sessions.create", { key: "child", parentSessionKey: "main" });
  await host.sessions.contract.running({ key: "dashboard:x", runIds: ["r1"], reason: "start" }, io);
  expect(await host.keys()).toEqual(["child", "agent:gone:main", "dashboard:x", "chat:home:7", "main"]);
  expect(await host.keys({ archived: true })).toEqual(["old"]);
  expect((await host.keys({ archived: "all" })).length).toBe(6);
  expect(await host.keys({ agentId: "gone" })).toEqual(["agent:gone:main"]);
  expect(await host.keys({ configuredAgentsOnly: true })).not.toContain("agent:gone:main");
  expect(await host.keys({ activeOnly: true })).toEqual(["dashboard:x"]);
  expect(await host.keys({ requireLastInteraction: true })).toEqual(["dashboard:x", "chat:home:7", "main"]);
  expect(await host.keys({ sortBy: "lastInteractionAt", limit: 3 })).toEqual(["dashboard:x", "chat:home:7", "main"]);
  expect(await host.keys({ ownerFirst: true })).toEqual(["child", "agent:gone:main", "main", "dashboard:x", "chat:home:7"]);
  expect(await host.keys({ spawnedBy: "agent:main:main" })).toEqual(["child"]);
  expect(await host.keys({ archived: "all", label: "Tax papers" })).toEqual(["old"]);
  expect(await host.keys({ archived: "all", search: "X PAP" })).toEqual(["old"]);
  expect(await host.keys({ search: "from chat:home" })).toEqual(["chat:home:7"]);
  expect(await host.keys({ search: ":7" })).toEqual(["chat:home:7"]);
  expect(await host.keys({ search: '"' })).toEqual([]);
  expect(await host.keys({ boardFace: "dashboard" })).toEqual([]);
  expect(await host.keys({ creatorId: "nobody" })).toEqual([]);
  expect(await host.keys({ creatorId: "shared" })).toEqual(["child"]);
  expect(await host.keys({ involvingMe: true, requireLastInteraction: true })).toEqual(["main"]);
  expect(await host.keys({ activeMinutes: 1, search: "main" })).toContain("main");
  await host.clock.advance(61_000);
  expect(await host.keys({ activeMinutes: 1 })).toEqual([]);
  expect(await host.client.call("sessions.list")).toMatchObject({ defaults: { model: "acme/one" } });
});

test("only who subscribed hears of sessions, of all or of one", async () => {
  await using host = await serve();
  const other = await host.bus.connect();
  const silent = await host.bus.connect();
  expect(await host.client.call("sessions.subscribe", {})).toEqual({ subscribed: true });
  expect(await other.call("sessions.messages.subscribe", { key: "main" })).toEqual({ subscribed: true, key: "agent:main:main" });
  await host.sessions.contract.ensure({ key: "main" }, io);
  await host.append("main", entry("u", { ...user("hi"), idempotencyKey: "r1:user" } as never, { runId: "r1" }));
  await host.append("main", entry("u"));
  await seed(host, "elsewhere");
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
  await using host = await serve();
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
  await host.store.flush();
  expect(await host.row("main")).toMatchObject({ hasActiveRun: false, status: "killed", startedAt, endedAt: startedAt + 500 });
});

test("fields are set and cleared; facets among them need the scope that their plugin says", async () => {
  await using host = await serve();
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
  await using host = await serve();
  await seed(host, "main");
  await host.clock.advance(1);
  await host.append("main", entry("more", assistant("news")));
  expect(await host.row("main")).toMatchObject({ unread: true });
  await host.client.call("sessions.patch", { key: "main", unread: false });
  expect(await host.row("main")).toMatchObject({ unread: false });
});

test("a reset begins an empty transcript, keeps the old one under its id, and keeps what was chosen", async () => {
  await using host = await serve();
  await seed(host, "main");
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
  await using host = await serve();
  await seed(host, "main", "one", "two");
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
  await seed(host, "one");
  expect((await host.path("one")).map(({ seq }) => seq)).toEqual([1, 2]);
});

test("with operator.write only what was archived can be deleted", async () => {
  await using host = await serve();
  await seed(host, "one");
  const writer = await host.bus.connect({ scopes: ["operator.read", "operator.write"] });
  await expect(writer.call("sessions.delete", { key: "one" })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
  await expect(writer.call("sessions.delete", { key: "one", archivedOnly: true })).rejects.toThrow("is not archived");
  await writer.call("sessions.patch", { key: "one", archived: true });
  expect(await writer.call("sessions.delete", { key: "one", archivedOnly: true })).toMatchObject({ deleted: true });
  await expect(writer.call("sessions.reset", { key: "one" })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
});

test("a session can be found by key, id, label, the beginning of its id, or whatever a person types", async () => {
  await using host = await serve();
  await seed(host, "main", "one", "two");
  await host.client.call("sessions.patch", { key: "one", label: "Garden" });
  const { sessionId } = await host.row("one");
  const found = { ok: true, key: "agent:main:one", agentId: "main", displayName: "Garden" };
  for (const params of [
    { key: "one" },
    { sessionId },
    { label: "Garden" },
    { shortId: sessionId.slice(0, 8) },
    { reference: "one" },
    { reference: "Garden" },
    { reference: sessionId },
    { reference: sessionId.slice(0, 8), agentId: "main" },
  ]) {
    const result = await host.client.call("sessions.resolve", params);
    expect(result).toEqual(found);
    expect(wrong(oracle.SessionsResolveResultSchema, result)).toEqual([]);
  }
  expect(await host.client.call("sessions.resolve", { label: "Attic", allowMissing: true })).toEqual({ ok: false });
  await expect(host.client.call("sessions.resolve", { label: "Attic" })).rejects.toThrow("there is no session Attic");
  await expect(host.client.call("sessions.resolve", { label: "a", key: "b" })).rejects.toThrow("exactly one of key, sessionId, label");
  await host.client.call("sessions.patch", { key: "two", label: "Garden" });
  const both = await host.client.call<{ candidates: Row[] }>("sessions.resolve", { label: "Garden" });
  expect(both.candidates.map(({ key }) => key).sort()).toEqual(["agent:main:one", "agent:main:two"]);
  expect(wrong(oracle.SessionsResolveResultSchema, both)).toEqual([]);
});

test("previews are short texts of what people said", async () => {
  await using host = await serve();
  await seed(host, "main");
  const result = { role: "toolResult" as const, toolCallId: "1", toolName: "t", content: [], isError: false, timestamp: 1 };
  await host.append("main", entry("tool", result), entry("long", assistant("x".repeat(50))));
  await host.client.call("sessions.create", { key: "empty" });
  const asked = { keys: ["main", "empty", "nowhere"], limit: 2, maxChars: 20 };
  expect(await host.client.call("sessions.preview", asked)).toEqual({
    ts: host.clock.now(),
    previews: [
      {
        key: "agent:main:main",
        status: "ok",
        items: [
          { role: "assistant", text: "answer to main" },
          { role: "assistant", text: `${"x".repeat(19)}…` },
        ],
      },
      { key: "agent:main:empty", status: "empty", items: [] },
      { key: "agent:main:nowhere", status: "missing", items: [] },
    ],
  });
});

test("what was said is found by its words, in every language's letters, and titles by any part", async () => {
  await using host = await serve();
  await seed(host, "main", "one");
  await host.append("one", entry("x", assistant("The Überraschung is in the cellar")));
  const search = async (query: string, more: object = {}) => {
    const result = await host.client.call<{ results: (Row & { messageId: string })[]; truncated?: boolean }>("sessions.search", {
      query,
      ...more,
    });
    expect(wrong(oracle.SessionsSearchResultSchema, result)).toEqual([]);
    return result;
  };
  const found = async (query: string, more: object = {}) => (await search(query, more)).results.map(({ messageId }) => messageId);
  expect(await found("überrasch")).toEqual(["x"]);
  expect((await search("cellar")).results[0]).toMatchObject({
    sessionKey: "agent:main:one",
    role: "assistant",
    snippet: "The Überraschung is in the cellar",
  });
  expect((await found("hello from")).sort()).toEqual(["main-1", "one-1"]);
  expect(await found("hello from", { sessionKeys: ["main"] })).toEqual(["main-1"]);
  expect(await found("hello from", { agentId: "other" })).toEqual([]);
  expect(await search("hello", { limit: 1 })).toMatchObject({ truncated: true });
  await host.client.call("sessions.patch", { key: "one", label: "Grandmother's garden" });
  expect(await found("mother's gar")).toEqual(["one-1"]);
  await host.client.call("sessions.patch", { key: "one", label: null });
  expect(await found("mother's gar")).toEqual([]);
  for (const hostile of ['"', "* OR", "NEAR(a b)", "a:b", "-x", "((", "\0", "^", "'", "label:", "{a}", "🦀", "a\ud800"]) {
    expect(Array.isArray((await search(hostile)).results)).toBe(true);
  }
});

test("a new session gets a key of its own, is the owner's, and begins a turn when there is a message", async () => {
  const turns: unknown[] = [];
  const startTurn = async (request: TurnRequest) => {
    turns.push(request);
    return { runId: request.runId };
  };
  await using host = await serve({ startTurn });
  const plain = await host.client.call<Row & { entry: Row }>("sessions.create", {});
  expect(plain.key).toMatch(/^agent:main:dashboard:[0-9a-f-]{36}$/);
  expect(plain).toMatchObject({ ok: true, runStarted: false, entry: { key: plain.key } });
  expect(wrong(oracle.SessionsCreateResultSchema, plain)).toEqual([]);
  const attachment = { mimeType: "image/png", content: "AAAA" };
  const asked = { agentId: "ops", label: "Trip", model: "acme/two", message: "Plan it", idempotencyKey: "k1", attachments: [attachment] };
  const begun = await host.client.call<Row>("sessions.create", asked);
  expect(begun).toMatchObject({ runStarted: true, runId: "k1", entry: { label: "Trip", model: "acme/two", agentId: "ops" } });
  expect(await host.client.call("sessions.create", asked)).toEqual(begun);
  expect(turns).toEqual([
    {
      ...{ runId: "k1", sessionKey: begun.key, agentId: "ops", owner: true, text: "Plan it" },
      attachments: [{ kind: "image", mimeType: "image/png", data: "AAAA" }],
    },
  ]);
  await host.client.call("sessions.create", { key: "chat:home:7" });
  expect((await host.sessions.contract.get({ key: "chat:home:7" }, io))?.owner).toBe(false);
  await expect(host.client.call("sessions.create", { worktree: true })).rejects.toThrow('"worktree" cannot be set');
});

test("without a plugin that runs turns a session is made, and the answer says why nothing began", async () => {
  await using host = await serve();
  const answer = await host.client.call("sessions.create", { message: "hi" });
  expect(wrong(oracle.SessionsCreateResultSchema, answer)).toEqual([]);
  const runError = { code: "UNAVAILABLE", message: "no plugin here runs turns; enable the agent plugin" };
  expect(answer).toMatchObject({ ok: true, runStarted: false, runError });
});

test("a session that nobody used for a day falls idle once, keeps its transcript, and wakes with the next message", async () => {
  await using host = await serve();
  await host.client.call("sessions.subscribe", {});
  await seed(host, "main", "busy");
  await host.sessions.contract.running({ key: "busy", runIds: ["r"], reason: "start" }, io);
  using _sweeping = host.sessions.startSweeping();
  await host.clock.advance(23 * 3_600_000);
  await host.store.flush();
  expect(host.ended).toEqual([]);
  await host.clock.advance(2 * 3_600_000);
  const told = await host.client.event("sessions.changed", ({ reason }) => reason === "idle");
  expect(told).toMatchObject({ sessionKey: "agent:main:main", session: { key: "agent:main:main" } });
  expect(await host.row("main")).toHaveProperty("idleAt");
  expect(host.ended).toEqual([{ key: "agent:main:main", reason: "idle" }]);
  expect((await host.path("main")).length).toBe(2);
  await host.clock.advance(5 * 3_600_000);
  await host.store.flush();
  expect(host.ended.length).toBe(1);
  await host.append("main", entry("again"));
  expect(await host.row("main")).not.toHaveProperty("idleAt");
  host.settings.idleMs = 0;
  await host.clock.advance(100 * 3_600_000);
  expect(await host.sessions.sweep()).toBe(0);
});

test("an overdue sweep goes through everything in pieces", async () => {
  await using host = await startSessions({}, { sweepSize: 2 });
  for (const name of ["a", "b", "c", "d", "e"]) await host.sessions.contract.ensure({ key: name }, io);
  await host.clock.advance(86_400_001);
  expect(await host.sessions.sweep()).toBe(5);
  expect(await host.sessions.sweep()).toBe(0);
});

test("a message to an archived session brings it back", async () => {
  await using host = await serve();
  await seed(host, "one");
  await host.client.call("sessions.patch", { key: "one", archived: true });
  await host.append("one", entry("late", assistant("still writing")));
  expect(await host.keys()).toEqual([]);
  await host.append("one", entry("new", user("are you there?")));
  expect(await host.keys()).toEqual(["one"]);
  expect(await host.row("one")).not.toHaveProperty("archivedAt");
});

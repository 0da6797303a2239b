import { expect, test } from "bun:test";
import * as oracle from "@openclaw/gateway-protocol/schema";
import { assistant, entry, io, type Row, serveSessions, wrong } from "../../tests/support/sessions.ts";

test("the list is paged, newest first, and says where the next page begins", async () => {
  await using host = await serveSessions({ config: { listLimit: 2, listLimitMax: 3 } });
  await host.seed("a", "b", "c", "d", "e");
  const page = async (params: object): Promise<Record<string, unknown>> => {
    const { sessions, ...rest } = await host.client.call<{ sessions: Row[] }>("sessions.list", params);
    return { ...rest, keys: sessions.map(({ key }) => key.replace("agent:main:", "")) };
  };
  const common = {
    ts: host.clock.now(),
    path: "store",
    totalCount: 5,
    owners: [],
    defaults: { modelProvider: null, model: null, contextTokens: null },
  };
  expect(await page({})).toEqual({ ...common, count: 2, limitApplied: 2, nextOffset: 2, hasMore: true, keys: ["e", "d"] });
  expect(await page({ offset: 2, limit: 50 })).toEqual({
    ...common,
    ...{ count: 3, limitApplied: 3, nextOffset: null, hasMore: false, keys: ["c", "b", "a"] },
  });
  expect(await page({ offset: 9 })).toMatchObject({ count: 0, hasMore: false, nextOffset: null });
});

test("every filter of the list does what it says", async () => {
  await using host = await serveSessions({ agentIds: ["main"] });
  await host.seed("main", "chat:home:7", "dashboard:x", "old");
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
});

test("a session can be found by key, id, label, the beginning of its id, or whatever a person types", async () => {
  await using host = await serveSessions();
  await host.seed("main", "one", "two");
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
  await using host = await serveSessions();
  await host.seed("main");
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
  await using host = await serveSessions();
  await host.seed("main", "one");
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
  expect(await found("mother's gar", { sessionKeys: ["one"] })).toEqual(["one-1"]);
  expect(await found("mother's gar", { sessionKeys: ["main"] })).toEqual([]);
  await host.client.call("sessions.patch", { key: "one", label: null });
  expect(await found("mother's gar")).toEqual([]);
  for (const hostile of ['"', "* OR", "NEAR(a b)", "a:b", "-x", "((", "\0", "^", "'", "label:", "{a}", "🦀", "a\ud800"]) {
    expect(Array.isArray((await search(hostile)).results)).toBe(true);
  }
});

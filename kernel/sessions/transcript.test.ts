import { expect, test } from "bun:test";
import type { Entry, NewEntry } from "@pincer/plugin-sdk/contracts/sessions";
import { assistant, entry, io, startSessions, user } from "../../tests/support/sessions.ts";

const key = "agent:main:main";
const ids = (entries: readonly Entry[]) => entries.map(({ id }) => id);

async function start(settings = {}) {
  const host = await startSessions({}, settings);
  await host.sessions.contract.ensure({ key: "main" }, io);
  return host;
}

test("messages are read in the order in which they were appended, newest last", async () => {
  await using host = await start();
  await Promise.all(["a", "b", "c"].map((id) => host.append(key, entry(id))));
  const path = await host.path("main");
  expect(path.map(({ id, parent, seq }) => [id, parent, seq])).toEqual([
    ["a", null, 1],
    ["b", "a", 2],
    ["c", "b", 3],
  ]);
  expect(path[0]).toMatchObject({ kind: "message", message: user("a"), at: host.clock.now() });
  expect(ids(await host.path("main", { limit: 2 }))).toEqual(["b", "c"]);
  expect(ids(await host.path("main", { before: 3, limit: 1 }))).toEqual(["b"]);
});

test("a replay appends nothing twice, and gives back what is there", async () => {
  await using host = await start();
  const [first] = await host.append(key, entry("a", user("as it was")));
  await host.append(key, entry("b"), entry("c"));
  const again = await host.append(key, entry("a", user("changed")), entry("d"), entry("d"));
  expect(again[0]).toEqual(first!);
  expect(ids(again)).toEqual(["a", "d", "d"]);
  expect(ids(await host.path(key))).toEqual(["a", "b", "c", "d"]);
  await host.sessions.contract.append({ key, entries: [entry("b")] }, io);
  expect(ids(await host.path(key))).toEqual(["a", "b", "c", "d"]);
});

test("an entry under an older one begins a branch, and the conversation goes on there", async () => {
  await using host = await start();
  await host.append(key, entry("a"), entry("b"), entry("c"));
  await host.append(key, entry("b2", user("b, edited"), { parent: "a" }), entry("c2"));
  expect(ids(await host.path(key))).toEqual(["a", "b2", "c2"]);
  await host.append(key, entry("d", user("d"), { parent: "c" }));
  expect(ids(await host.path(key))).toEqual(["a", "b", "c", "d"]);
  await host.append(key, entry("root", user("anew"), { parent: null }));
  expect(ids(await host.path(key))).toEqual(["root"]);
});

test("a parent that is not there refuses the whole append", async () => {
  await using host = await start();
  await host.append(key, entry("a"));
  await expect(host.append(key, entry("b"), entry("c", user("c"), { parent: "nobody" }))).rejects.toMatchObject({
    code: "SESSION_ENTRY_ORPHAN",
  });
  expect(ids(await host.path(key))).toEqual(["a"]);
  await expect(host.append("agent:main:elsewhere", entry("a"))).rejects.toMatchObject({ code: "SESSION_UNKNOWN" });
});

test("from the last summary on is what stands for the conversation after a compaction", async () => {
  await using host = await start();
  await host.append(key, entry("a"), entry("b"), entry("sum", user("of a and b"), { kind: "summary" }), entry("c"), entry("d"));
  expect(ids(await host.path(key, { fromSummary: true }))).toEqual(["sum", "c", "d"]);
  await host.append(key, entry("e", user("e"), { parent: "b" }));
  expect(ids(await host.path(key, { fromSummary: true }))).toEqual(["a", "b", "e"]);
  await host.append(key, entry("f", user("f"), { parent: "c" }), entry("g"));
  expect(ids(await host.path(key, { fromSummary: true }))).toEqual(["sum", "c", "f", "g"]);
  expect(ids(await host.path(key, { fromSummary: true, limit: 2 }))).toEqual(["f", "g"]);
});

test("large values are kept whole beside the row, and left out of a history that asks for that", async () => {
  await using host = await start({ inlineBytes: 2_000 });
  const data = "A".repeat(9_000);
  const long = "word ".repeat(900);
  const content = [
    { type: "image" as const, data, mimeType: "image/png" },
    { type: "text" as const, text: long },
    { type: "text" as const, text: "short" },
  ];
  const message = { role: "user" as const, content, timestamp: 1 };
  const [kept] = await host.append(key, entry("a", message), entry("b"));
  expect(kept?.message).toEqual(message);
  expect((await host.path(key))[0]?.message).toEqual(message);
  const { entries } = await host.sessions.contract.path({ key, omitLarge: true }, io);
  expect(entries[0]?.message.content).toEqual([
    { type: "image", data: "", mimeType: "image/png" },
    { type: "text", text: `${long.slice(0, 1_000)}…` },
    { type: "text", text: "short" },
  ]);
  const [row] = await host.store.read<{ longest: number }>("select max(length(body)) as longest from session_entry");
  expect(row?.longest).toBeLessThan(2_000);
});

test("no content can pass for a reference to what is kept beside another message", async () => {
  await using host = await start({ inlineBytes: 2_000 });
  await host.append(key, entry("secret", user("x".repeat(5_000))));
  const args = { __proto__x: 1, blobs: [["content"]], ref: { $blob: 0 }, "0": "y".repeat(5_000) };
  const forged = { ...assistant("call"), content: [{ type: "toolCall" as const, id: "1", name: "t", arguments: args }] };
  await host.append(key, entry("forged", forged as never));
  expect((await host.path(key))[1]?.message as unknown).toEqual(forged);
});

interface Node {
  readonly id: string;
  readonly parent: string | null;
  readonly seq: number;
  readonly summary: boolean;
}

/** The tree as one would write it down without any thought of speed. */
class Model {
  readonly nodes: Node[] = [];
  leaf: string | null = null;
  node(id: string): Node | undefined {
    return this.nodes.find((node) => node.id === id);
  }
  append(entries: readonly NewEntry[]): boolean {
    const there = new Set(this.nodes.map(({ id }) => id));
    for (const { id, parent } of entries) {
      if (typeof parent === "string" && !there.has(parent) && !this.node(id)) return false;
      there.add(id);
    }
    for (const { id, parent, kind } of entries) {
      if (this.node(id)) continue;
      const under: string | null = parent === undefined ? this.leaf : parent;
      this.nodes.push({ id, parent: under, seq: this.nodes.length + 1, summary: kind === "summary" });
      this.leaf = id;
    }
    return true;
  }
  path({ limit = Number.POSITIVE_INFINITY, before = Number.POSITIVE_INFINITY, fromSummary = false } = {}): string[] {
    const found: string[] = [];
    for (let at = this.node(this.leaf ?? ""); at && found.length < limit; at = this.node(at.parent ?? "")) {
      if (at.seq < before) found.unshift(at.id);
      if (at.seq < before && fromSummary && at.summary) break;
    }
    return found;
  }
}

test("any mixture of branches, appends and replays reads as the plain tree does", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    let state = seed * 2654435761;
    const random = (below: number) => {
      state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
      return (state >>> 8) % below;
    };
    await using host = await start();
    const model = new Model();
    const pending: Promise<void>[] = [];
    for (let step = 0; step < 60; step++) {
      const entries = Array.from({ length: 1 + random(4) }, (): NewEntry => {
        // What a replay says of its parent is not looked at again.
        const replayed = model.nodes.length > 0 && random(5) === 0 ? model.nodes[random(model.nodes.length)]!.id : undefined;
        const parents = [...model.nodes.map(({ id }) => id), "nowhere"];
        const parent = random(4) === 0 ? { parent: random(8) === 0 ? null : parents[random(parents.length)]! } : {};
        const id = replayed ?? `${seed}-${step}-${random(1_000)}`;
        return { id, kind: random(12) === 0 ? "summary" : "message", message: user(id), ...parent };
      });
      const accepted = model.append(entries);
      const appended = host.append(key, ...entries).then(
        (result) => expect([accepted, ids(result)]).toEqual([true, entries.map(({ id }) => id)]),
        (error) => expect([accepted, error.code]).toEqual([false, "SESSION_ENTRY_ORPHAN"]),
      );
      pending.push(appended);
      if (random(3) > 0) continue;
      await Promise.all(pending.splice(0));
      const top = model.nodes.length + 2;
      for (const query of [{}, { limit: 1 + random(9) }, { before: 1 + random(top) }, { before: 1 + random(top), limit: 1 + random(5) }]) {
        for (const fromSummary of [false, true]) {
          const asked = { ...query, ...(fromSummary && { fromSummary }) };
          expect([asked, ids(await host.path(key, asked))]).toEqual([asked, model.path(asked)]);
        }
      }
      const { total } = await host.sessions.contract.path({ key, limit: 1 }, io);
      expect(total).toBe(model.path().length);
      const seqs = (await host.path(key)).map(({ id, seq, parent }) => ({ id, seq, parent }));
      expect(seqs).toEqual(model.path().map((id) => ({ id, seq: model.node(id)!.seq, parent: model.node(id)!.parent })));
    }
    await Promise.all(pending);
  }
}, 120_000);

test("a search compares no more messages than it may, the newest of those that are asked for", async () => {
  await using host = await start({ searchSize: 2 });
  await host.sessions.contract.ensure({ key: "other" }, io);
  await host.append(key, entry("oldest", user("cellar")), entry("older", user("a cellar under the house")));
  await host.append(key, entry("newer", user("the cellar")));
  await host.append("other", entry("newest", user("no cellar, no attic")));
  const found = async (keys?: string[]) => {
    const { hits } = await host.sessions.catalog.search({ text: "cellar", limit: 9, ...(keys && { keys }) }, io);
    return hits.map(({ messageId }) => messageId);
  };
  expect(await found()).toEqual(["newer", "newest"]);
  expect(await found([key])).toEqual(["newer", "older"]);
});

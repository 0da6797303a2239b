import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io, startSessions, user } from "../../tests/support/sessions.ts";
import { openStore } from "../store/sqlite.ts";
import { sessionsMigrations } from "./schema.ts";

test("what a store of the first version holds is whole after its migration, and counted", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pincer-schema-"));
  const path = join(folder, "store.db");
  const old = await openStore({ path, migrations: sessionsMigrations.slice(0, 1) });
  const shortened = {
    role: "user",
    content: [
      { type: "image", data: "", mimeType: "image/png" },
      { type: "text", text: "It sa…" },
    ],
    timestamp: 1,
  };
  const paths = [
    ["content", 0, "data"],
    ["content", 1, "text"],
  ];
  const entry = `insert into session_entry (entry, transcript, session, branch, seq, id, depth, kind, role, at, body, text, blobs)`;
  await old.write(
    [
      `insert into session (id, key, agentId, sessionId, owner, createdAt, updatedAt, readAt, archived)
       values (1, 'agent:main:main', 'main', 's1', 1, 1, 1, 1, 0), (2, 'agent:main:old', 'main', 's2', 1, 1, 1, 1, 1)`,
    ],
    ["insert into session_transcript (id, sessionId, session, createdAt) values (1, 's1', 1, 1)"],
    [`${entry} values (1, 1, 1, 1, 1, 'a', 1, 'message', 'user', 1, ?, 'It says', ?)`, JSON.stringify(shortened), JSON.stringify(paths)],
    [`${entry} values (2, 1, 1, 1, 2, 'b', 2, 'message', 'user', 2, ?, 'b', null)`, JSON.stringify(user("b"))],
    ["insert into session_blob values (1, 0, 'AAAA'), (1, 1, 'It says \"hello\"')"],
  );
  await old.close();

  const store = await openStore({ path, migrations: sessionsMigrations });
  {
    await using host = await startSessions({ store });
    const { contract, catalog } = host.sessions;
    const read = async (omitLarge: boolean) => (await contract.path({ key: "main", omitLarge }, io)).entries.map(({ message }) => message);
    const content = [
      { type: "image" as const, data: "AAAA", mimeType: "image/png" },
      { type: "text" as const, text: 'It says "hello"' },
    ];
    expect(await read(false)).toEqual([{ role: "user", content, timestamp: 1 }, user("b")]);
    expect((await read(true))[0] as unknown).toEqual(shortened);
    const count = async (archived?: boolean) => (await catalog.list({ limit: 1, ...(archived !== undefined && { archived }) }, io)).total;
    expect([await count(), await count(false), await count(true)]).toEqual([2, 1, 1]);
  }
  await store.close();
  await rm(folder, { recursive: true });
});

test("however sessions come, go and are put aside, the count is that of the table", async () => {
  await using host = await startSessions();
  const { catalog, contract, editor } = host.sessions;
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let step = 0; step < 200; step++) {
    const key = `agent:a${random(3)}:s${random(8)}`;
    const kind = random(4);
    if (kind === 0) await editor.remove({ key }, io);
    else if (kind === 1) await editor.change({ key, archived: random(2) === 0 }, io);
    else if (kind === 2) await editor.reset({ key, reason: "reset" }, io);
    else await contract.ensure({ key }, io).then(() => host.append(key, { id: `e${step}`, kind: "message", message: user("hi") }));
  }
  const rows = await host.store.read<{ agentId: string; archived: number }>("select agentId, archived from session");
  for (const agentId of [undefined, "a0", "a1", "a2"]) {
    for (const archived of [undefined, true, false]) {
      const query = { limit: 1, ...(agentId && { agentId }), ...(archived !== undefined && { archived }) };
      const { total } = await catalog.list(query, io);
      const meant = rows.filter(
        (row) => (agentId ?? row.agentId) === row.agentId && (archived ?? row.archived === 1) === (row.archived === 1),
      );
      expect([query, total]).toEqual([query, meant.length]);
    }
  }
});

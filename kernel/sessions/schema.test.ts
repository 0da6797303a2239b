import { expect, test } from "bun:test";
import { io, startSessions, user } from "../../tests/support/sessions.ts";

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

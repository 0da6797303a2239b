/** What is typed to the gateway holds for what is written behind it, and for nothing else, however close one follows the other. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { startTown } from "../../tests/fixtures/town.ts";

const never = async function* (_: unknown, signal: AbortSignal) {
  yield { text: "for ever" };
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
};

test("what is written right behind /new is answered, and is what the new conversation begins with", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  await talk.ask("of the old one");
  there.platform.say("room", "ada", "/new");
  there.platform.say("room", "ada", "hello");
  await there.platform.until(() => there.platform.posted.length === 2);
  expect(there.platform.posted.map(({ text }) => text).toSorted()).toEqual(["A new conversation.", "You said: hello"]);
  expect(there.script.models[1]!.request.messages).toHaveLength(1);
});

test("what is written right behind /stop is answered, and all before it is stopped", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  there.script.answer(never);
  const runId = await talk.say("talk for ever");
  await talk.client.event("chat", ({ state }) => state === "delta");
  const queued = await talk.say("and longer", { queueMode: "followup" });
  there.platform.say("room", "ada", "/stop");
  there.platform.say("room", "ada", "and now?");
  await there.platform.until(() => there.platform.posted.length === 2);
  expect(there.platform.posted.map(({ text }) => text).toSorted()).toEqual(["Stopped.", "You said: and now?"]);
  for (const id of [runId, queued]) expect(await talk.end(id)).toMatchObject({ state: "aborted", stopReason: "stop" });
});

/** As a gateway leaves them that dies when it has accepted both, and has begun neither. */
function accepted(home: string): void {
  using db = new Database(join(home, "pincer.db"));
  const at = Date.now();
  const input = { sessionKey: "agent:main:main", agentId: "main", owner: true, at };
  const admit = (lane: string, kind: string, runId: string, more: object) =>
    db
      .query("insert into job (lane, kind, key, input, priority, mode, not_before, admitted_at) values (?, ?, ?, ?, 0, 'followup', 0, ?)")
      .run(lane, kind, `run:${runId}`, JSON.stringify({ ...input, runId, ...more }), at);
  admit("job:agent:command:agent:main:main", "agent.command", "empty-it", { text: "/new", command: "new", args: "" });
  admit("turn:agent:main:main", "agent.turn", "hello", { text: "hello" });
}

test("behind a restart, too, a message waits for the /new that came before it", async () => {
  await using there = await startTown();
  const first = await there.start();
  await first.ask("of the old one");
  await first.gateway.stop();
  accepted(there.home);

  await using second = await there.start();
  expect(await second.client.call<object>("agent.wait", { runId: "hello" })).toMatchObject({ status: "ok" });
  expect(there.script.models[1]!.request.messages.map((message) => textOf(message).replace(/^\[.*\] /, ""))).toEqual(["hello"]);
});

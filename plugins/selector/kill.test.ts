/** A gateway that is killed in the middle of a turn: the next one goes on with the model that was decided on, whatever it would decide now. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import { talkOver, textOf } from "@pincer/plugin-sdk/testing/talk";
import { MAIN, modelOf, settingsFor, startVendors } from "../../tests/fixtures/selector/house.ts";

type Json = Readonly<Record<string, unknown>>;

const watched = join(import.meta.dir, "..", "..", "tests", "support", "watched-gateway.ts");
const token = "token-of-a-gateway-that-is-killed";

/** A gateway in a process of its own, over one home. */
async function live(home: string, config: Json) {
  const given = { home, config: { ...config, gateway: { port: 0, auth: { token } } } };
  const child = Bun.spawn([process.execPath, watched, JSON.stringify(given)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    ipc: () => undefined,
  });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the gateway ended before it listened");
    said += value;
  }
  const { url } = JSON.parse(said) as { url: string };
  const client = await WireClient.connect({ url: url.replace(/^http/, "ws"), token });
  await client.call("sessions.subscribe", {});
  return {
    client,
    talk: talkOver(client, MAIN),
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function lives() {
  const home = await mkdtemp(join(tmpdir(), "pincer-selector-"));
  const vendors = startVendors();
  const started: { kill(): Promise<void> }[] = [];
  return {
    ...vendors,
    async start(selector: Json, enabled = true) {
      const gateway = await live(home, settingsFor(vendors, { selector, plugins: { selector: { enabled } } }));
      started.push(gateway);
      return gateway;
    },
    async [Symbol.asyncDispose]() {
      for (const gateway of started) await gateway.kill();
      await vendors.near[Symbol.asyncDispose]();
      await vendors.away[Symbol.asyncDispose]();
      await rm(home, { recursive: true, force: true });
    },
  };
}

test("the model of a turn is asked again after kill -9, though the rules have changed", async () => {
  await using many = await lives();
  many.away.answer({ steps: [{ text: ["half"] }], end: "hang" });
  const first = await many.start({ local: ["near"], rules: [{ when: { words: ["tea"] }, use: "away/big", because: "tea" }] });
  const runId = await first.talk.say("a word about tea");
  await many.away.received(1);
  // What is written behind the decision is durable: so is the decision.
  await first.client.call("sessions.patch", { key: MAIN, label: "tea" });
  await first.kill();

  const second = await many.start({ local: ["near"], rules: [{ when: {}, use: "near/own" }] });
  const { terminalReply } = await second.client.call<{ terminalReply: Json } & Json>("agent.wait", { runId });
  expect(terminalReply).toMatchObject({ text: "from away" });
  expect([many.near.ledger, many.away.ledger.map(modelOf)]).toEqual([[], ["big", "big"]]);
  expect((await second.talk.history()).at(-1)).toMatchObject({ selection: { model: "away/big", why: "rule 1: tea" } });
  expect(textOf((await second.talk.end(await second.talk.say("and now?")))["message"])).toBe("from near");
}, 120_000);

test("what was private before kill -9 is so after it, though nothing says so any more", async () => {
  await using many = await lives();
  many.near.answer({ steps: [{ text: ["half"] }], end: "hang" });
  const tiers = { simple: "away/small" };
  const first = await many.start({ local: ["near"], tiers, privacy: { words: ["salary"] } });
  const runId = await first.talk.say("my salary is 5");
  await many.near.received(1);
  await first.kill();

  const second = await many.start({ local: ["near"], tiers });
  expect(await second.client.call<Json>("agent.wait", { runId })).toMatchObject({ terminalReply: { text: "from near" } });
  const next = await second.talk.end(await second.talk.say("hello"));
  expect(textOf(next["message"])).toBe("from near");
  expect(many.away.ledger).toEqual([]);
}, 120_000);

test("a turn that was private is so after kill -9 even if the plugin is gone", async () => {
  await using many = await lives();
  many.near.answer({ steps: [{ text: ["half"] }], end: "hang" });
  const settings = { local: ["near"], privacy: { words: ["salary"] } };
  const first = await many.start(settings);
  const runId = await first.talk.say("my salary is 5");
  await many.near.received(1);
  await first.kill();

  const second = await many.start(settings, false);
  expect(await second.client.call<Json>("agent.wait", { runId })).toMatchObject({ terminalReply: { text: "from near" } });
  expect(many.away.ledger).toEqual([]);
}, 120_000);

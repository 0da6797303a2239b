/** Who has a home, and what a stop leaves behind. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { autopsy } from "./autopsy.ts";
import { homeConfig, token } from "./home-config.ts";
import { Life } from "./life.ts";
import { World } from "./world.ts";

const MAIN = "agent:main:main";
/** More than the crashes that a turn is blamed for. */
const stopsInARow = 5;

let world: World;
let home: string;
const lives: Life[] = [];

beforeEach(async () => {
  world = await World.start(["scripted"]);
  home = mkdtempSync(join(tmpdir(), "pincer-homes-"));
  writeFileSync(join(home, "pincer.json5"), JSON.stringify(homeConfig(world, { continues: false, blockIdleMs: 1_000 })), { mode: 0o600 });
});
afterEach(async () => {
  await Promise.all(lives.splice(0).map((life) => life.kill()));
  await world.stop();
  rmSync(home, { recursive: true });
});

function begin(): Life {
  const life = new Life({ home });
  lives.push(life);
  return life;
}

async function talkTo(life: Life): Promise<WireClient> {
  const ready = await life.ready;
  if (ready === undefined) throw new Error(`it did not start: ${life.refusal?.message}`);
  return WireClient.connect({ url: ready.url, token });
}

const send = (client: WireClient, idempotencyKey: string) =>
  client.call("chat.send", { sessionKey: MAIN, message: idempotencyKey, idempotencyKey });

test("of two gateways that start on one home at the same moment one runs, and the other leaves it alone", async () => {
  for (let round = 0; round < 3; round++) {
    const both = [begin(), begin()];
    const [one, other] = await Promise.all(both.map((life) => life.ready));
    const [runs, refused] = one === undefined ? [both[1]!, both[0]!] : [both[0]!, both[1]!];
    expect([one, other].filter((ready) => ready !== undefined)).toHaveLength(1);
    expect(await refused.ended).toMatchObject({ by: "itself", code: 1 });
    expect(refused.refusal).toMatchObject({ code: "HOME_IN_USE", message: expect.stringContaining(home) });
    const client = await talkTo(runs);
    await send(client, `round-${round}`);
    expect(await client.call<object>("agent.wait", { runId: `round-${round}` })).toMatchObject({ status: "ok" });
    await runs.kill();
  }
});

test("a second gateway is told which process has the home, and has it as soon as that one is killed", async () => {
  const first = begin();
  await talkTo(first);
  const second = begin();
  expect(await second.ended).toMatchObject({ by: "itself", code: 1 });
  expect(second.refusal?.message).toContain(`another gateway (pid ${first.pid}) uses ${home}`);
  await first.kill();
  await (await talkTo(begin())).call("health", {});
});

test("a stop in the middle of a turn: it goes on at the next start, however often that happens, and is never blamed (#51620, #95866)", async () => {
  const held = async function* () {
    yield { text: "never whole" };
    await new Promise(() => {});
  };
  world.script.answer(
    [asks("note", { text: "once" }, "call-of-the-note")],
    ...Array.from({ length: stopsInARow }, () => held),
    says("At last."),
  );
  for (let stops = 0; stops < stopsInARow; stops++) {
    const life = begin();
    const client = await talkTo(life);
    if (stops === 0) await send(client, "asked");
    await world.script.modelCall(stops + 1);
    expect(await life.stop()).toMatchObject({ by: "itself", code: 0, stderr: "" });
    expect(autopsy(home, false)?.jobs.get("run:asked")).toMatchObject({ state: "ready", crashes: 0, ended: false });
  }
  const life = begin();
  const client = await talkTo(life);
  expect(await client.call<object>("agent.wait", { runId: "asked" })).toMatchObject({ status: "ok" });
  const { messages } = await client.call<{ messages: { role: string }[] }>("chat.history", { sessionKey: MAIN });
  expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "toolResult", "assistant"]);
  expect(world.effects).toEqual(["call-of-the-note"]);
  expect(world.script.models).toHaveLength(stopsInARow + 2);
  expect(await life.stop()).toMatchObject({ code: 0 });
});

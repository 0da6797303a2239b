import { afterEach, beforeEach, expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { asks, type Script, says, startScript } from "@pincer/plugin-sdk/testing/script";
import { type Platform, startPlatform } from "../fixtures/platform/platform.ts";
import { autopsy } from "./autopsy.ts";
import { rooms } from "./channels/scripted.ts";
import { homeConfig, token } from "./home-config.ts";
import { SmallDisk } from "./small-disk.ts";

const MAIN = "agent:main:main";
const MiB = 1024 * 1024;

let script: Script;
let platform: Platform;
let config: unknown;

beforeEach(() => {
  script = startScript();
  platform = startPlatform();
  config = homeConfig(
    { script, channels: [{ name: "scripted", plugin: "scripted-channel", config: { url: platform.url }, rooms }] },
    { continues: false, blockIdleMs: 1_000 },
  );
});
afterEach(async () => {
  await Promise.all([script.stop(), platform.stop()]);
});

/** Starts a gateway that is expected to come up, and connects. */
async function talkTo(disk: SmallDisk) {
  const said = await disk.start(config);
  if (said.say !== "ready") throw new Error(said.message);
  const client = await WireClient.connect({ url: said.url, token });
  await client.call("sessions.subscribe", {});
  const send = (idempotencyKey: string) => client.call("chat.send", { sessionKey: MAIN, message: idempotencyKey, idempotencyKey });
  return { client, send };
}

/** What stands in the store, as the next start will find it. */
async function remainsOf(disk: SmallDisk) {
  const folder = mkdtempSync(join(tmpdir(), "pincer-remains-"));
  try {
    await disk.copy(folder);
    return autopsy(folder, true)!;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const full = { error: { code: "UNAVAILABLE", retryable: true, details: { code: "STORE_FULL" } } };

testWith("bubblewrap")("whatever finds no room for what it writes says that, and does it when there is some", async () => {
  await using disk = new SmallDisk(8 * MiB);
  const { client } = await talkTo(disk);
  const writing = [
    ["gateway.loginLink", {}],
    ["agents.files.set", { agentId: "main", name: "SOUL.md", content: "Be kind.\n" }],
  ] as const;
  for (const [method, params] of writing) {
    await disk.fill();
    const noRoom = { code: "UNAVAILABLE", retryable: true, message: expect.stringContaining("no space left") };
    await expect(client.call(method, params)).rejects.toMatchObject({ error: noRoom });
    await disk.free();
    expect(await client.call<object>(method, params)).toBeObject();
  }
});

testWith("bubblewrap")(
  "a disk that fills up in the middle of a turn: new work is refused in words, and what was accepted is finished when there is space",
  async () => {
    await using disk = new SmallDisk(8 * MiB);
    const { client, send } = await talkTo(disk);
    const gate = Promise.withResolvers<void>();
    script.answer(async function* () {
      await gate.promise;
      yield asks("note", { text: "once" }, "call-of-the-note");
    }, says("All is noted."));
    await send("before");
    await script.modelCall(0);

    await disk.fill();
    const refused = send("while-full");
    await expect(refused).rejects.toMatchObject(full);
    await expect(refused).rejects.toThrow(`no space left for ${disk.home}/pincer.db`);
    platform.say("home", "ada", "from the channel");
    gate.resolve();
    // It serves what it can, and reads what it has.
    expect(await client.call("health", {})).toMatchObject({ ok: true });
    expect(await client.call<object>("chat.history", { sessionKey: MAIN })).toMatchObject({ sessionKey: MAIN });
    expect(platform.confirmed).toBe(0);

    await disk.free();
    await client.event("chat", ({ runId, state }) => runId === "before" && state === "final");
    expect((await platform.message(0)).room).toBe("home");
    await send("while-full");
    await client.event("chat", ({ runId, state }) => runId === "while-full" && state === "final");
    expect(script.tools).toHaveLength(1);
    expect(client.eventsOf("chat").filter(({ state }) => state === "error" || state === "aborted")).toEqual([]);
    expect(await disk.end("stop")).toBe(0);

    const { jobs, entries, integrity } = await remainsOf(disk);
    expect(integrity).toBe("ok");
    expect([...jobs.values()].filter(({ state }) => state !== "done" && state !== "absorbed")).toEqual([]);
    const users = entries.filter(({ role, kind }) => role === "user" && kind === "message").map(({ runId }) => runId);
    expect(users.toSorted()).toEqual(["before", "in:scripted:default:1", "while-full"]);
  },
  120_000,
);

testWith("bubblewrap")(
  "what a turn had said when somebody stops it on a full disk stands in the conversation when there is space",
  async () => {
    await using disk = new SmallDisk(8 * MiB);
    const { client, send } = await talkTo(disk);
    script.answer(async function* (_request, signal) {
      yield { text: "never whole" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    await send("before");
    await client.event("chat", ({ state }) => state === "delta");
    await disk.fill();
    const stopped = client.call("chat.abort", { sessionKey: MAIN, runId: "before" });
    await script.cut(await script.modelCall(0));
    // The turn tries to write down what it had said.
    for (let calls = 0; calls < 100; calls++) await client.call("health", {});
    await disk.free();
    expect(await stopped).toMatchObject({ runIds: ["before"] });
    expect(await client.call<object>("agent.wait", { runId: "before" })).toMatchObject({ stopReason: "aborted" });
    expect(await disk.end("stop")).toBe(0);

    const { entries } = await remainsOf(disk);
    expect(entries.map(({ message }) => message)).toMatchObject([
      { role: "user" },
      { role: "assistant", content: [{ text: "never whole" }], stopReason: "aborted" },
    ]);
  },
  120_000,
);

testWith("bubblewrap")(
  "killed on a full disk, a gateway says at its start what is wrong, and goes on where it was when there is space",
  async () => {
    await using disk = new SmallDisk(8 * MiB);
    const { send } = await talkTo(disk);
    script.answer(async function* () {
      yield { text: "never whole" };
      await new Promise(() => {});
    }, says("Here I am again."));
    await send("before");
    await script.modelCall(0);
    await disk.fill();
    await disk.end("kill");

    const said = await disk.start(config);
    expect(said).toMatchObject({ say: "refused", code: "STORE_FULL", message: expect.stringContaining(disk.home) });
    await disk.free();
    const { client } = await talkTo(disk);
    expect(await client.call<object>("agent.wait", { runId: "before" })).toMatchObject({ status: "ok" });
    expect(await disk.end("stop")).toBe(0);
    expect((await remainsOf(disk)).integrity).toBe("ok");
  },
  120_000,
);

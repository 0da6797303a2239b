import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";

const MAIN = "agent:main:main";

const textOf = (message: unknown): string => {
  const { content } = message as { readonly content: readonly { readonly type: string; readonly text?: string }[] };
  return content.map(({ text = "" }) => text).join("");
};

/** A gateway as it is without any key, and somebody who talks to it. */
async function start() {
  const gateway = await startTestGateway({
    only: ["agent", "models", "delivery", "routing", "sessions", "provider-demo", "tools-files"],
    config: { plugins: { "provider-demo": { config: { deltaMs: 0 } } } },
  });
  const client = await gateway.connect({ caps: ["tool-events"] });
  await client.call("sessions.subscribe", {});
  return {
    gateway,
    client,
    workspace: join(gateway.home, "workspace"),
    async say(message: string) {
      const { runId } = await client.call<{ runId: string }>("chat.send", {
        sessionKey: MAIN,
        message,
        idempotencyKey: crypto.randomUUID(),
      });
      const ends = new Set<unknown>(["final", "aborted", "error"]);
      const last = await client.event("chat", (payload) => payload["runId"] === runId && ends.has(payload["state"]));
      return { state: last["state"], text: last["state"] === "final" ? textOf(last["message"]) : String(last["errorMessage"]) };
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

describe("without any key, a person who talks to Pincer", () => {
  test("is told that this is the offline demo, lists files, writes one and reads it, and is remembered", async () => {
    await using talk = await start();
    const first = await talk.say("hello");
    expect(first).toMatchObject({ state: "final" });
    expect(first.text).toContain("Offline demo");
    expect((await talk.say("write notes/tea.txt with green tea, 80 degrees")).text).toContain("Written: `notes/tea.txt`");
    expect(await readFile(join(talk.workspace, "notes/tea.txt"), "utf8")).toBe("green tea, 80 degrees\n");
    expect((await talk.say("list the files")).text).toContain("`notes/`");
    expect((await talk.say("show notes/tea.txt")).text).toContain("green tea, 80 degrees");
    expect((await talk.say('search for "80 deg"')).text).toContain("tea.txt");
    expect((await talk.say("remember that I like tea")).text).toContain("I'll remember: I like tea");
    expect((await talk.say("remember that my cat is Mia")).text).toContain("my cat is Mia");
    expect(await readFile(join(talk.workspace, "MEMORY.md"), "utf8")).toEndWith("- I like tea\n- my cat is Mia\n");
    expect((await talk.say("what do you remember?")).text).toContain("my cat is Mia");
  });

  test("is told the time, is answered kindly when not understood, and sees what failed", async () => {
    await using talk = await start();
    expect((await talk.say("what time is it?")).text).toMatch(/It is \*\*\d\d:\d\d/);
    expect((await talk.say("why is the sky blue?")).text).toContain("pincer secrets set OPENAI_API_KEY");
    expect((await talk.say("show nothing.txt")).text).toContain("That did not work");
    expect((await talk.say("read ../../etc/passwd")).text).toContain("That did not work");
  });

  test("pays nothing, and finds what was used", async () => {
    await using talk = await start();
    await talk.say("hello");
    const { totals, models } = await talk.client.call<{
      totals: { calls: number; totalCost: number };
      models: readonly { model: string }[];
    }>("usage.cost", {});
    expect([totals.calls, totals.totalCost, models[0]?.model]).toEqual([1, 0, "demo/offline"]);
  });
});

test("unloading leaves nothing behind, and what comes after it works", async () => {
  await using talk = await start();
  await talk.say("hello");
  const { host } = talk.gateway.gateway;
  await host.reload("provider-demo");
  expect((await talk.say("thanks")).text).toBe("You're welcome.");
  await host.setEnabled("provider-demo", false);
  const refused = await talk.say("thanks");
  expect(refused.state).toBe("error");
  await host.setEnabled("provider-demo", true);
  expect((await talk.say("thanks")).text).toBe("You're welcome.");
  expect(talk.gateway.lines.filter(({ event }) => String(event).includes("unload") || String(event).includes("hung"))).toEqual([]);
});

/** A gateway that is killed while a call waits for the owner's word, and again once that was given: the call runs once, and only on a yes. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import { asks, says, scriptedPlugins, startScript } from "@pincer/plugin-sdk/testing/script";
import { talkOver } from "@pincer/plugin-sdk/testing/talk";
import { letter } from "../../tests/fixtures/untrusted/conversation.ts";

const root = join(import.meta.dir, "..", "..");
const watched = join(root, "tests", "support", "watched-gateway.ts");
const token = "token-of-a-gateway-that-is-killed";

/** A gateway in a process of its own, over one home. */
async function live(home: string, url: string) {
  const given = {
    home,
    plugins: [scriptedPlugins, join(root, "tests", "fixtures", "untrusted", "plugins")],
    only: ["agent", "models", "delivery", "routing", "sessions", "configuration", "scripted-provider", "worldly-tools", "approvals"],
    config: {
      gateway: { port: 0, auth: { token } },
      models: { default: "scripted/one" },
      scripted: { provider: { url }, worldly: { url } },
    },
  };
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
  const { url: listening } = JSON.parse(said) as { url: string };
  const client = await WireClient.connect({ url: listening.replace(/^http/, "ws"), token });
  return {
    client,
    talk: talkOver(client, "agent:main:main"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

test("what waits is asked again after kill -9 under the same code, and what was allowed runs once", async () => {
  const script = startScript();
  const home = await mkdtemp(join(tmpdir(), "approvals-kill-"));
  try {
    script.answer([asks("shell")], says("done"));
    script.tool("shell", async function* (_call, signal) {
      if (script.tools.length === 1) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield { content: [{ type: "text", text: "ran" }] };
    });
    let runId = "";
    let asked: unknown;
    {
      await using first = await live(home, script.url);
      runId = await first.talk.say("read", { attachments: [letter("x")] });
      asked = (await first.client.event("exec.approval.requested"))["id"];
    }
    expect(script.tools).toHaveLength(0);
    {
      await using second = await live(home, script.url);
      // It is asked again as soon as the gateway runs, which may be before anybody is connected.
      let waiting: readonly { readonly id: string }[] = [];
      while (waiting.length === 0) waiting = await second.client.call<{ id: string }[]>("exec.approval.list", {});
      expect(waiting.map(({ id }) => id)).toEqual([asked as string]);
      await second.client.call("exec.approval.resolve", { id: asked, decision: "allow-once" });
      await script.toolCall(0);
    }
    await using third = await live(home, script.url);
    await third.client.call("agent.wait", { runId });
    expect(script.tools).toHaveLength(1);
    expect(JSON.stringify(script.models.at(-1)?.request.messages)).toContain("may or may not have taken effect");
  } finally {
    await script.stop();
    await rm(home, { recursive: true, force: true });
  }
}, 120_000);

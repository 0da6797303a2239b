/** One conversation of several million tokens: results of megabytes, files as arguments, pictures, and a vendor that refuses what is too long. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import { asks, scriptedPlugins, startScript } from "@pincer/plugin-sdk/testing/script";
import { startWatched } from "../support/watched-process.ts";

const sessionKey = "agent:main:main";
const contextWindow = 128_000;
const turns = 120;
const of = (words: string, times: number) => `${words} `.repeat(times);
const picture = { mimeType: "image/png", fileName: "a.png", content: Buffer.alloc(2_000_000, 7).toString("base64") };

/** As a vendor counts: of a picture its size on the screen. */
const tokensOf = ({ messages }: ModelRequest) =>
  Math.ceil(JSON.stringify(messages, (key, value) => (key === "data" ? "x".repeat(5_000) : value)).length / 3.6);

test(`a conversation of ${turns} turns is summarised now and then, and neither the gateway nor a request grows with it`, async () => {
  const script = startScript();
  const counts = { summaries: 0, calls: 0, refused: 0, tokens: 0, largest: 0 };
  script.tool("look", () => [{ content: [{ type: "text", text: of("lorem ipsum dolor", 120_000) }] }]);
  script.otherwise((request) => {
    const tokens = tokensOf(request);
    const isSummary = request.system[0]?.text.startsWith("You keep the memory") === true;
    counts.largest = Math.max(counts.largest, tokens);
    counts.tokens += tokens;
    if (isSummary) counts.summaries++;
    else counts.calls++;
    if (tokens > contextWindow) counts.refused++;
    if (tokens > contextWindow) return [{ fail: "context-overflow", message: `prompt is too long: ${tokens} tokens` }];
    if (isSummary) return [{ text: of("summary", 1_200) }];
    const usage = { usage: { input: tokens, output: 1_000 } };
    if (request.messages.at(-1)?.role !== "user") return [{ text: of("answer", 800) }, usage];
    return [{ text: "I look." }, asks("look", { text: `${counts.calls} ${of("file", 1_600)}` }), usage];
  });
  await using watched = await startWatched({
    plugins: [join(import.meta.dir, "..", "fixtures", "plugins"), scriptedPlugins],
    only: ["agent", "models", "delivery", "routing", "sessions", "scripted-provider", "scripted-tools"],
    config: {
      gateway: { plugins: { hookMs: 30_000 } },
      models: { default: "scripted/one" },
      scripted: { provider: { url: script.url, contextWindow }, tools: { url: script.url } },
    },
  });
  const client = await WireClient.connect({ url: watched.url, token: watched.token });
  let history: object = {};
  let early: number | undefined;
  for (let turn = 1; turn <= turns; turn++) {
    const message = `${turn}: ${of("some words of mine", 900)}`;
    const attachments = turn % 10 === 4 ? { attachments: [picture] } : {};
    const asked = { sessionKey, message, idempotencyKey: crypto.randomUUID(), ...attachments };
    const { runId } = await client.call<{ runId: string }>("chat.send", asked);
    expect(await client.call<object>("agent.wait", { runId, timeoutMs: 120_000 })).toMatchObject({ status: "ok" });
    history = await client.call<object>("chat.history", { sessionKey });
    if (turn === turns / 3) early = (await watched.memory()).heap;
  }
  const { heap, rss } = await watched.memory();
  expect(counts.refused).toBe(0);
  expect(counts.summaries).toBeGreaterThan(4);
  expect(counts.summaries).toBeLessThan(turns / 3);
  expect(JSON.stringify(history).length).toBeLessThan(8_000_000);
  expect(heap).toBeLessThan(early! + 8_000_000);
  expect(watched.faults).toEqual([]);
  await script.stop();
  const mega = (value: number) => (value / 1e6).toFixed(1);
  console.log(
    `a conversation of ${mega(counts.tokens)} million tokens in ${turns} turns: ${counts.summaries} summaries, at most ${counts.largest} tokens in a request, heap ${mega(heap)} MB, RSS ${mega(rss)} MB`,
  );
}, 1_800_000);

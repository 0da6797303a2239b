import { expect, test } from "bun:test";
import { join } from "node:path";
import { lastUserText, scriptedPlugins, startScript } from "@pincer/plugin-sdk/testing/script";
import { connectTurns } from "../bench/turn-client.ts";
import type { Left } from "../support/watched-gateway.ts";
import { startWatched } from "../support/watched-process.ts";

const turns = Number(process.env["PINCER_SOAK_TURNS"] ?? 10_000);
const sessions = 200;
const atOnce = 20;
const MiB = 2 ** 20;
const hour = 3_600_000;

const shown = ({ heap, code, objects, rss }: Left) =>
  `heap ${(heap / MiB).toFixed(2)} MB and ${(code / MiB).toFixed(2)} MB of code, ${objects.toLocaleString("en-US")} objects, RSS ${(rss / MiB).toFixed(1)} MB`;

test(
  `${turns.toLocaleString("en-US")} turns with tools over ${sessions} sessions leave at most 1 MB behind in their second half`,
  async () => {
    const script = startScript();
    let asked = 0;
    script.tool("look", async function* () {
      yield { progress: "looking" };
      yield { outcome: "ok", content: [{ type: "text", text: "nothing there" }] };
    });
    // A tool first, then the answer; the message says which turn it is, so that every answer can be told from the others.
    script.otherwise((request) =>
      request.messages.at(-1)?.role === "toolResult"
        ? [{ text: "I looked: " }, { text: `nothing there, ${lastUserText(request)}` }]
        : [{ text: "Let me look." }, { call: "look", args: { text: "around" }, id: `call_of_the_soak_${asked++}` }],
    );
    await using gateway = await startWatched({
      plugins: [join(import.meta.dir, "..", "fixtures", "plugins"), scriptedPlugins],
      only: ["agent", "models", "delivery", "routing", "sessions", "scripted-provider", "scripted-tools"],
      config: {
        models: { default: "scripted/one" },
        scripted: { provider: { url: script.url }, tools: { url: script.url } },
        // Bounded caches come to their bounds long before the half.
        plugins: { agent: { config: { contextCacheBytes: 200_000, deltaMs: 1 } } },
        gateway: { keptRows: 500, auditRows: 500 },
      },
    });
    const client = await connectTurns(gateway);
    let sent = 0;
    const runUntil = async (count: number) => {
      const worker = async () => {
        while (sent < count) {
          const number = sent++;
          await client.turn(`agent:main:soak-${number % sessions}`, `turn ${number}`);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      (script.models as unknown[]).length = 0;
      (script.tools as unknown[]).length = 0;
    };
    const looks: Left[] = [];
    for (let tenth = 1; tenth <= 10; tenth++) {
      await runUntil((turns * tenth) / 10);
      const left = await gateway.memory();
      looks.push(left);
      console.log(`after ${sent.toLocaleString("en-US")} turns: ${shown(left)}`);
    }
    client.close();
    await script.stop();
    expect(gateway.faults).toEqual([]);
    expect((looks[9]!.heap - looks[4]!.heap) / MiB).toBeLessThan(1);
  },
  hour,
);

import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { pluginsFolder, writePlugin } from "../../tests/fixtures/plugin-host.ts";

/** Its connection ends when it is told to, and it counts how many there are at once. */
const slow = `import { definePlugin } from "@pincer/plugin-sdk";
import { channel, channelSettings } from "@pincer/plugin-sdk/contracts/channel";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const Counts = Type.Object({ now: Type.Integer(), begun: Type.Integer(), most: Type.Integer(), ending: Type.Boolean() });
const counts = defineMethod({ name: "channel-slow.counts", summary: "x", scope: "operator.read", params: Type.Object({}), result: Counts });
const letGo = defineMethod({ name: "channel-slow.letGo", summary: "x", scope: "operator.read", params: Type.Object({}), result: Type.Object({}) });
export default definePlugin({ config: Type.Object({ ...channelSettings }), setup(ctx) {
  const end = Promise.withResolvers();
  const state = { now: 0, begun: 0, most: 0, ending: false };
  ctx.method(counts, () => ({ ...state }));
  ctx.method(letGo, () => { end.resolve(); return {}; });
  const record = { label: "Slow", textLimit: 400, markup: "markdown", idempotentSend: false };
  ctx.provide(channel, "slow", record, {
    async *start(_given, { signal }) {
      state.begun += 1;
      state.now += 1;
      state.most = Math.max(state.most, state.now);
      yield { state: "connected", self: "slow" };
      await new Promise((ends) => signal.addEventListener("abort", ends, { once: true }));
      state.ending = true;
      await end.promise;
      state.now -= 1;
      return {};
    },
    send: async () => ({ messageId: "m1" }),
  });
} });
`;

interface Counts {
  readonly now: number;
  readonly begun: number;
  readonly most: number;
  readonly ending: boolean;
}

test("another generation connects an account when the one before has let it go, and not sooner", async () => {
  const folder = await mkdtemp(join(tmpdir(), "delivery-reload-"));
  try {
    const plugins = pluginsFolder(folder);
    await writePlugin(plugins, "channel-slow", slow);
    const config = { channels: { slow: { enabled: true } } };
    await using gateway = await startTestGateway({ plugins: [plugins], enable: ["channel-slow"], config });
    const client = await gateway.connect();
    const until = async (holds: (counts: Counts) => boolean) => {
      for (;;) {
        const counts = await client.call<Counts>("channel-slow.counts", {});
        if (holds(counts)) return counts;
      }
    };
    await until(({ now }) => now === 1);
    const reloaded = client.call("plugins.reload", { pluginId: "delivery" });
    await until(({ ending }) => ending);
    // Whoever asks the new one wakes it, and what it hears of is no reason to connect yet.
    await client.call("channels.start", { channel: "slow" });
    await client.call("channel-slow.letGo", {});
    await reloaded;
    expect(await until(({ now, begun }) => now === 1 && begun > 1)).toMatchObject({ begun: 2, most: 1 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

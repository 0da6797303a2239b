import { definePlugin } from "@pincer/plugin-sdk";
import { type ModelInfo, provider } from "@pincer/plugin-sdk/contracts/provider";
import { createAnswer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { instant, pieceAt, readPace } from "../../pace.ts";

const endpoint = "bench";
const model: ModelInfo = {
  ref: `${endpoint}/one`,
  endpoint,
  id: "one",
  name: "Bench",
  contextWindow: 1_000_000,
  maxOutputTokens: 4_096,
  reasoning: false,
  vision: false,
  tools: true,
  continues: false,
  price: { input: 0, output: 0 },
};

export default definePlugin({
  setup(ctx) {
    ctx.provide(
      provider,
      "bench",
      { label: "Bench", endpoints: [endpoint], open: false },
      {
        endpoints: async () => ({ endpoints: [{ endpoint, label: "Bench", ready: true, defaultModel: model.id }] }),
        models: async () => ({ models: [model] }),
        async *stream({ messages }, { signal }) {
          const answer = createAnswer({ provider: endpoint, model: model.id, api: "bench", timestamp: ctx.clock.now() });
          const asked = messages.findLast(({ role }) => role === "user");
          const { firstMs, stepMs, pieces } = asked === undefined ? instant : readPace(JSON.stringify(asked.content));
          for (let piece = 0; piece < pieces; piece++) {
            const wait = piece === 0 ? firstMs : stepMs;
            if (wait > 0) await ctx.clock.sleep(wait, signal);
            yield* answer.text("text", pieceAt(performance.timeOrigin + performance.now()));
          }
          return answer.finish({ stopReason: "stop", usage: tokenUsage({ input: 100, output: pieces, cost: 0 }) });
        },
      },
    );
  },
});

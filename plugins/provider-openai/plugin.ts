import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { confidential } from "@pincer/plugin-sdk/provider/confidential";
import { OpenAiConfig } from "./config.ts";
import { OPENAI } from "./endpoints.ts";
import { createOpenAiProvider } from "./provider.ts";

export default definePlugin({
  config: OpenAiConfig,
  setup(ctx) {
    const label = "OpenAI and compatible servers";
    ctx.provide(
      provider,
      OPENAI,
      { label, endpoints: [OPENAI], open: true, credentials: ["api-key", "oauth", "token"] },
      confidential(ctx, createOpenAiProvider),
    );
  },
});

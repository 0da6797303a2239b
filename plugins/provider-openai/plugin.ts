import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { OpenAiConfig } from "./config.ts";
import { createOpenAiProvider } from "./provider.ts";

export default definePlugin({
  config: OpenAiConfig,
  setup(ctx) {
    const label = "OpenAI and compatible servers";
    ctx.provide(
      provider,
      "openai",
      { label, endpoints: ["openai", "ollama", "openrouter"], open: true, credentials: ["api-key", "oauth", "token"] },
      createOpenAiProvider(ctx),
    );
  },
});

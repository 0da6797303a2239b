import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { OpenAiConfig } from "./config.ts";
import { createOpenAiProvider } from "./provider.ts";

export default definePlugin({
  config: OpenAiConfig,
  setup(ctx) {
    const record = { label: "OpenAI and compatible servers", endpoints: ["openai", "ollama", "openrouter"], open: true };
    ctx.provide(provider, "openai", record, createOpenAiProvider(ctx));
  },
});

import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { confidential } from "@pincer/plugin-sdk/provider/confidential";
import { OpenRouterConfig } from "./config.ts";
import { OPENROUTER } from "./endpoints.ts";
import { createOpenRouterProvider } from "./provider.ts";

export default definePlugin({
  config: OpenRouterConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      OPENROUTER,
      { label: "OpenRouter", endpoints: [OPENROUTER], open: true, credentials: ["api-key", "oauth", "token"] },
      confidential(ctx, createOpenRouterProvider),
    );
  },
});

import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { confidential } from "@pincer/plugin-sdk/provider/confidential";
import { GeminiConfig } from "./config.ts";
import { HOME } from "./endpoints.ts";
import { createGeminiProvider } from "./provider.ts";

export default definePlugin({
  config: GeminiConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      HOME,
      { label: "Google Gemini", endpoints: [HOME], open: true, credentials: ["api-key", "oauth", "token"] },
      confidential(ctx, createGeminiProvider),
    );
  },
});

import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { GeminiConfig } from "./config.ts";
import { createGeminiProvider } from "./provider.ts";

export default definePlugin({
  config: GeminiConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      "google",
      { label: "Google Gemini", endpoints: ["google"], open: true, credentials: ["api-key", "oauth", "token"] },
      createGeminiProvider(ctx),
    );
  },
});

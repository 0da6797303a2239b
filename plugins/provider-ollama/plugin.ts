import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { confidential } from "@pincer/plugin-sdk/provider/confidential";
import { OllamaConfig } from "./config.ts";
import { OLLAMA } from "./endpoints.ts";
import { createOllamaProvider } from "./provider.ts";

export default definePlugin({
  config: OllamaConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      OLLAMA,
      { label: "Ollama", endpoints: [OLLAMA], open: true, found: true, credentials: ["api-key", "token"] },
      confidential(ctx, createOllamaProvider),
    );
  },
});

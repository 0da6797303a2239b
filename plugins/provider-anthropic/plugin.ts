import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { confidential } from "@pincer/plugin-sdk/provider/confidential";
import { AnthropicConfig } from "./config.ts";
import { HOME } from "./endpoints.ts";
import { createAnthropicProvider } from "./provider.ts";

export default definePlugin({
  config: AnthropicConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      HOME,
      { label: "Anthropic", endpoints: [HOME], open: true, credentials: ["api-key", "oauth", "token"] },
      confidential(ctx, createAnthropicProvider),
    );
  },
});

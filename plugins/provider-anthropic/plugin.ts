import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { AnthropicConfig } from "./config.ts";
import { createAnthropicProvider } from "./provider.ts";

export default definePlugin({
  config: AnthropicConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      "anthropic",
      { label: "Anthropic", endpoints: ["anthropic"], open: true, credentials: ["api-key", "oauth", "token"] },
      createAnthropicProvider(ctx),
    );
  },
});

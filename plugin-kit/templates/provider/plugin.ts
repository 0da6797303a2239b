import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { confidential } from "@pincer/plugin-sdk/provider/confidential";
import { createProvider, ProviderConfig } from "./provider.ts";

export default definePlugin({
  config: ProviderConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      "my-provider",
      { label: "My provider", endpoints: ["my-provider"], open: false },
      confidential(ctx, createProvider),
    );
  },
});

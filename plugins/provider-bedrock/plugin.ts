import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { confidential } from "@pincer/plugin-sdk/provider/confidential";
import { BedrockConfig } from "./config.ts";
import { createBedrockProvider } from "./provider.ts";

export default definePlugin({
  config: BedrockConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      "bedrock",
      { label: "Amazon Bedrock", endpoints: ["bedrock"], open: true, credentials: ["api-key", "token", "aws-sdk"] },
      confidential(ctx, createBedrockProvider),
    );
  },
});

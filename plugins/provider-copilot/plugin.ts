import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { confidential } from "@pincer/plugin-sdk/provider/confidential";
import { CopilotConfig } from "./config.ts";
import { HOME } from "./endpoints.ts";
import { createCopilotProvider } from "./provider.ts";
import { signIn } from "./sign-in.ts";

export default definePlugin({
  config: CopilotConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      HOME,
      { label: "GitHub Copilot", endpoints: [HOME], open: true, credentials: ["oauth", "token"], signIn },
      confidential(ctx, createCopilotProvider),
    );
  },
});

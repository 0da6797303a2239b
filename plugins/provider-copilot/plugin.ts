import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { CopilotConfig } from "./config.ts";
import { createCopilotProvider } from "./provider.ts";
import { signIn } from "./sign-in.ts";

export default definePlugin({
  config: CopilotConfig,
  setup(ctx) {
    ctx.provide(
      provider,
      "copilot",
      { label: "GitHub Copilot", endpoints: ["copilot"], open: true, credentials: ["oauth", "token"], signIn },
      createCopilotProvider(ctx),
    );
  },
});

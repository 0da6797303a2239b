import { definePlugin } from "@pincer/plugin-sdk";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { DemoConfig } from "./config.ts";
import { createDemoProvider } from "./provider.ts";

export default definePlugin({
  config: DemoConfig,
  setup(ctx) {
    ctx.provide(provider, "demo", { label: "Offline demo", endpoints: ["demo"], open: false, offline: true }, createDemoProvider(ctx));
  },
});

import { definePlugin } from "@pincer/plugin-sdk";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import { sessionEnded } from "@pincer/plugin-sdk/hooks";
import { Background } from "./background.ts";
import { ExecConfig } from "./config.ts";
import { provideExec } from "./exec.ts";
import { provideProcess } from "./process.ts";

export default definePlugin({
  config: ExecConfig,
  setup(ctx) {
    const settings = () => ctx.config;
    const background = new Background(ctx.store, ctx.clock, settings, ctx.log);
    const deps = { settings, clock: ctx.clock, background };
    ctx.provide(tool, ...provideExec(deps));
    ctx.provide(tool, ...provideProcess(deps));
    ctx.hook(sessionEnded, ({ sessionKey }) => {
      background.endSession(sessionKey);
      return undefined;
    });
    ctx.onUnload(() => background.endAll("the plugin was reloaded or the gateway stopped"));
  },
});

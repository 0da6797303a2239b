import { definePlugin } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { skillEnvironment } from "@pincer/plugin-sdk/contracts/skill-environment";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import { toolProcess } from "@pincer/plugin-sdk/contracts/tool-process";
import { sessionEnded } from "@pincer/plugin-sdk/hooks";
import { Background } from "./background.ts";
import { ExecConfig } from "./config.ts";
import { type ExecDeps, provideExec } from "./exec.ts";
import { provideProcess } from "./process.ts";
import { toolProcesses } from "./tool-process.ts";

export default definePlugin({
  config: ExecConfig,
  uses: { skills: ifPresent(skillEnvironment) },
  setup(ctx) {
    const settings = () => ctx.config;
    const background = new Background(ctx.store, ctx.clock, settings, ctx.log);
    const deps: ExecDeps = {
      ...{ settings, clock: ctx.clock, background },
      get skills() {
        return ctx.uses.skills;
      },
    };
    ctx.provide(tool, ...provideExec(deps));
    ctx.provide(tool, ...provideProcess(deps));
    ctx.provide(toolProcess, "tools-exec", {}, toolProcesses(settings, ctx.clock, ctx.home));
    ctx.hook(sessionEnded, ({ sessionKey }) => {
      background.endSession(sessionKey);
      return undefined;
    });
    ctx.onUnload(() => background.endAll("the plugin was reloaded or the gateway stopped"));
  },
});

import { rmSync } from "node:fs";
import { join } from "node:path";
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
    // Python's compiled code lies apart from what it was made of: none that somebody has put beside a skill's script, or a project's, is run in its place.
    let bytecode: string | undefined;
    const settings = (): ExecConfig => {
      bytecode ??= join(ctx.dataDir, "python");
      return { ...ctx.config, environment: { PYTHONPYCACHEPREFIX: bytecode, ...ctx.config.environment } };
    };
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
    ctx.onUnload(async () => {
      await background.endAll("the plugin was reloaded or the gateway stopped");
      if (bytecode !== undefined) rmSync(bytecode, { recursive: true, force: true });
    });
  },
});

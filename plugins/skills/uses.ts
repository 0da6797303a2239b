/** What the plugin uses of the gateway, and the context that its parts are handed. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import { embedder } from "@pincer/plugin-sdk/contracts/embedder";
import { router } from "@pincer/plugin-sdk/contracts/router";
import { skillPackages } from "@pincer/plugin-sdk/contracts/skill-packages";
import { toolProcess } from "@pincer/plugin-sdk/contracts/tool-process";
import type { SkillsConfig } from "./config.ts";

export const uses = {
  configuration,
  router,
  processes: ifPresent(toolProcess),
  embedder: ifPresent(embedder),
  packages: ifPresent(skillPackages),
};

export type SkillsContext = PluginContext<SkillsConfig, typeof uses>;

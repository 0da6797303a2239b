/** What the plugin uses of the gateway, and the context that its parts are handed. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { policy } from "@pincer/plugin-sdk/contracts/policy";
import { router } from "@pincer/plugin-sdk/contracts/router";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import type { ToolsHttpConfig } from "./config.ts";

export const uses = { lanes, router, sessions, tools: tool, policy: ifPresent(policy) };

export type ToolsContext = PluginContext<ToolsHttpConfig, typeof uses>;

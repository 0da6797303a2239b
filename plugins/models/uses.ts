/** What the plugin uses of others, and its context. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { authProfiles } from "@pincer/plugin-sdk/contracts/auth-profiles";
import { budgets } from "@pincer/plugin-sdk/contracts/budgets";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { transcriber } from "@pincer/plugin-sdk/contracts/transcriber";
import type { ModelsConfig } from "./config.ts";

export const modelsUses = {
  providers: provider,
  transcribers: ifPresent(transcriber),
  profiles: ifPresent(authProfiles),
  budgets: ifPresent(budgets),
};
export type ModelsContext = PluginContext<ModelsConfig, typeof modelsUses>;

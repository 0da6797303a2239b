/** What the plugin uses of the gateway, and the context that its parts are handed. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { audit } from "@pincer/plugin-sdk/contracts/audit";
import { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import { pluginHost, plugins } from "@pincer/plugin-sdk/contracts/plugin-host";
import type { ClientConfig } from "./config.ts";

export const uses = { plugins, pluginHost, configuration, audit };

export type Context = PluginContext<ClientConfig, typeof uses>;

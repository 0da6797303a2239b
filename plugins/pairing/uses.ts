/** What pairing uses of the gateway, and the context that its parts are handed. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { audit } from "@pincer/plugin-sdk/contracts/audit";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { outbox } from "@pincer/plugin-sdk/contracts/outbox";
import { owners } from "@pincer/plugin-sdk/contracts/owners";
import type { PairingConfig } from "./config.ts";

export const uses = { audit, channels: channel, configuration, lanes, outbox, owners };

export type PairingContext = PluginContext<PairingConfig, typeof uses>;

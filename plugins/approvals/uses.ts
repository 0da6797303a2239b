/** What approvals use of the gateway, and the context that their parts are handed. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { audit } from "@pincer/plugin-sdk/contracts/audit";
import { gateway } from "@pincer/plugin-sdk/contracts/gateway";
import { outbox } from "@pincer/plugin-sdk/contracts/outbox";
import { owners } from "@pincer/plugin-sdk/contracts/owners";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import type { ApprovalsConfig } from "./config.ts";

export const uses = { audit, gateway, owners: ifPresent(owners), sessions, outbox: ifPresent(outbox) };

export type ApprovalsContext = PluginContext<ApprovalsConfig, typeof uses>;

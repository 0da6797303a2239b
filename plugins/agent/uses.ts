/** What the agent uses of the gateway, and the context that its parts are handed. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { approvals } from "@pincer/plugin-sdk/contracts/approvals";
import { budgets } from "@pincer/plugin-sdk/contracts/budgets";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { llm } from "@pincer/plugin-sdk/contracts/llm";
import { media } from "@pincer/plugin-sdk/contracts/media";
import { outbox } from "@pincer/plugin-sdk/contracts/outbox";
import { policy } from "@pincer/plugin-sdk/contracts/policy";
import { router } from "@pincer/plugin-sdk/contracts/router";
import { selector } from "@pincer/plugin-sdk/contracts/selector";
import { sessionCatalog } from "@pincer/plugin-sdk/contracts/session-catalog";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { skillCommands } from "@pincer/plugin-sdk/contracts/skill-commands";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import type { AgentConfig } from "./config.ts";

export const uses = {
  lanes,
  sessions,
  catalog: sessionCatalog,
  llm,
  router,
  selector: ifPresent(selector),
  tools: tool,
  policy: ifPresent(policy),
  approvals: ifPresent(approvals),
  outbox: ifPresent(outbox),
  media: ifPresent(media),
  budgets: ifPresent(budgets),
  skills: ifPresent(skillCommands),
};

export type AgentContext = PluginContext<AgentConfig, typeof uses>;

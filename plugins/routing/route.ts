/** From an inbound message to an agent and a session. */
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import type { Route, RouteRequest } from "@pincer/plugin-sdk/contracts/router";
import { configuredAgents, defaultAgentId } from "./agents.ts";
import type { RoutingConfig, Rule } from "./config.ts";

const matches = (pattern: string | undefined, value: string | undefined) => pattern === undefined || pattern === "*" || pattern === value;

const applies = (rule: Rule, { address, group, sender }: InboundMessage) =>
  matches(rule.channel, address.channel) &&
  matches(rule.account, address.account) &&
  matches(rule.team, group?.team) &&
  matches(rule.chat, group?.id ?? address.conversation) &&
  matches(rule.thread, address.thread) &&
  matches(rule.sender, sender.id);

/**
 * The owner's direct messages belong to the agent's main session, wherever they were written; every other conversation has a session of
 * its own. An agent that is no longer configured is passed over.
 */
export function routeMessage(config: RoutingConfig, { message, agentId: chosen, owner: isOwner }: RouteRequest): Route {
  const ids = new Set(configuredAgents(config).map((agent) => agent.id));
  const byRule = () => config.rules.find((rule) => ids.has(rule.agent) && applies(rule, message))?.agent ?? defaultAgentId(config);
  const agentId = chosen !== undefined && ids.has(chosen) ? chosen : byRule();
  const { channel, account, conversation, thread } = message.address;
  const owner = message.chat === "direct" && (isOwner ?? config.owner.includes(`${channel}:${message.sender.id}`));
  const suffix = thread === undefined ? "" : `:thread:${thread}`;
  return {
    agentId,
    owner,
    sessionKey: owner ? `agent:${agentId}:main${suffix}` : `agent:${agentId}:${channel}:${account}:${conversation}${suffix}`,
  };
}

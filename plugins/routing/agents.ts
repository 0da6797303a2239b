/** The table of agents, as the configuration says, with every default filled in. */
import { isAbsolute, join } from "node:path";
import type { AgentInfo } from "@pincer/plugin-sdk/contracts/router";
import { defineErrors } from "@pincer/plugin-sdk/error";
import type { AgentConfig, RoutingConfig } from "./config.ts";

export const routingErrors = defineErrors({
  ROUTER_AGENT_UNKNOWN: { message: "no agent has this id", wire: "INVALID_REQUEST" },
  ROUTER_AGENT_EXISTS: { message: "an agent has this id already", wire: "INVALID_REQUEST" },
  ROUTER_AGENT_NAME: { message: "the name gives no usable id", wire: "INVALID_REQUEST" },
  ROUTER_AGENT_LAST: { message: "the default agent cannot be deleted", wire: "INVALID_REQUEST" },
  ROUTER_WORKSPACE_FAILED: { message: "the agent's workspace cannot be made", wire: "INVALID_REQUEST" },
  ROUTER_WORKSPACE_FOREIGN: { message: "the agent's workspace is not the gateway's to delete", wire: "INVALID_REQUEST" },
  ROUTER_FILE_UNKNOWN: { message: "not one of an agent's files", wire: "INVALID_REQUEST" },
  ROUTER_FILE_CHANGED: { message: "the file changed since it was read", wire: "INVALID_REQUEST" },
  ROUTER_FILE_OUTSIDE: { message: "the file lies outside the workspace", wire: "INVALID_REQUEST" },
});

const MAIN = "main";

export const configuredAgents = (config: RoutingConfig): readonly AgentConfig[] => (config.list.length > 0 ? config.list : [{ id: MAIN }]);

export const defaultAgentId = (config: RoutingConfig): string => {
  const ids = configuredAgents(config).map((agent) => agent.id);
  return config.default !== undefined && ids.includes(config.default) ? config.default : ids.includes(MAIN) ? MAIN : ids[0]!;
};

/** Absolute. The main agent's is `workspace`, so that one finds it; the others' are `workspaces/<id>`. */
export function workspaceOf(agent: AgentConfig, home: string): string {
  const path = agent.workspace ?? (agent.id === MAIN ? "workspace" : join("workspaces", agent.id));
  return isAbsolute(path) ? path : join(home, path);
}

export function agentInfo(config: RoutingConfig, home: string, agentId: string = defaultAgentId(config)): AgentInfo {
  const agent = configuredAgents(config).find((candidate) => candidate.id === agentId);
  if (agent === undefined) {
    const known = configuredAgents(config).map((candidate) => candidate.id);
    throw routingErrors.ROUTER_AGENT_UNKNOWN(`agent "${agentId}" is not configured; there are: ${known.join(", ")}`, {
      data: { agentId, known },
    });
  }
  return {
    id: agent.id,
    name: agent.name ?? (agent.id === MAIN ? "Pincer" : agent.id),
    isDefault: agent.id === defaultAgentId(config),
    workspace: workspaceOf(agent, home),
    tools: { allow: agent.tools?.allow ?? ["*"], deny: agent.tools?.deny ?? [] },
    ...(agent.emoji === undefined ? {} : { emoji: agent.emoji }),
    ...(agent.avatar === undefined ? {} : { avatar: agent.avatar }),
    ...(agent.model === undefined ? {} : { model: agent.model }),
    ...(agent.thinking === undefined ? {} : { thinking: agent.thinking }),
    ...(agent.skills === undefined ? {} : { skills: agent.skills }),
    ...(agent.prompt === undefined ? {} : { prompt: agent.prompt }),
  };
}

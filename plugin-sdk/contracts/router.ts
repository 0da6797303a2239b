/** From an inbound message to an agent and a session, and the table of agents. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, optional } from "../contract.ts";
import { Address, InboundMessage } from "./inbox.ts";

export const AgentInfo = Type.Object({
  id: Type.String(),
  name: Type.String(),
  isDefault: Type.Boolean(),
  emoji: Type.Optional(Type.String()),
  avatar: Type.Optional(Type.String()),
  /** Model reference or alias; absent: the configured default. */
  model: Type.Optional(Type.String()),
  thinking: Type.Optional(Type.String()),
  /** Absolute path. */
  workspace: Type.String(),
  /** Extra instructions, after the workspace's files. */
  prompt: Type.Optional(Type.String()),
  /** Tool name patterns (`*` matches any run of characters); `deny` wins. */
  tools: Type.Object({ allow: Type.Array(Type.String()), deny: Type.Array(Type.String()) }),
  /** Names of the only skills that it may use; absent: every one. */
  skills: Type.Optional(Type.Array(Type.String())),
});
export type AgentInfo = Static<typeof AgentInfo>;

export const Route = Type.Object({
  agentId: Type.String(),
  sessionKey: Type.String(),
  /** Whether the session is one of the owner's own. */
  owner: Type.Boolean(),
});
export type Route = Static<typeof Route>;

export const RouteRequest = Type.Object({
  message: InboundMessage,
  /** The agent that answers, in place of what the rules of routing say. */
  agentId: Type.Optional(Type.String()),
  /** Whether the sender is the owner; absent: as the router knows. */
  owner: Type.Optional(Type.Boolean()),
});
export type RouteRequest = Static<typeof RouteRequest>;

export const router = defineContract({
  id: "router",
  version: 1,
  arity: "one",
  members: {
    route: call(RouteRequest, Route, { safe: true }),
    /**
     * `agentId` absent: the default agent. With `workspace` its workspace is there afterwards. Throws `ROUTER_AGENT_UNKNOWN`,
     * `ROUTER_WORKSPACE_FAILED`.
     */
    agent: call(Type.Object({ agentId: Type.Optional(Type.String()), workspace: Type.Optional(Type.Boolean()) }), AgentInfo, {
      safe: true,
    }),
    agents: call(Type.Object({}), Type.Object({ agents: Type.Array(AgentInfo) }), { safe: true }),
    /**
     * Chooses the agent that answers in a conversation from now on, before all rules; null: as the rules say again. What runs there ends with
     * its own agent. With a thread it holds for this thread alone, without one for every thread that chose none. Throws `ROUTER_AGENT_UNKNOWN`.
     */
    choose: optional(
      call(Type.Object({ address: Address, agentId: Type.Union([Type.String(), Type.Null()]) }), Type.Object({}), { safe: true }),
    ),
  },
});

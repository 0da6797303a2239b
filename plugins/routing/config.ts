/** The `agents` section of the configuration: the agents, who the owner is on other channels, and the rules from message to agent. */
import { type Static, Type } from "@sinclair/typebox";
import { identityPattern } from "./identities.ts";

/** A path of the operating system ends at a NUL. */
export const NO_NUL = "^[^\\0]*$";
const agentId = Type.String({ pattern: "^[a-z0-9_-]{1,64}$" });

export const AgentConfig = Type.Object({
  id: agentId,
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  emoji: Type.Optional(Type.String({ maxLength: 32 })),
  avatar: Type.Optional(Type.String({ maxLength: 4096 })),
  model: Type.Optional(Type.String({ description: "Model reference or alias; absent: the gateway's default" })),
  thinking: Type.Optional(Type.String()),
  workspace: Type.Optional(Type.String({ pattern: NO_NUL, description: "Folder of the agent's files; relative to the gateway's home" })),
  prompt: Type.Optional(Type.String({ description: "Instructions after those of the workspace's files" })),
  tools: Type.Optional(
    Type.Object({
      allow: Type.Optional(Type.Array(Type.String(), { description: "Name patterns; default: every tool" })),
      deny: Type.Optional(Type.Array(Type.String(), { description: "Name patterns; deny wins over allow" })),
    }),
  ),
  skills: Type.Optional(Type.Array(Type.String(), { description: "The only skills that it may use; default: every one" })),
});
export type AgentConfig = Static<typeof AgentConfig>;

const pattern = (what: string) => Type.Optional(Type.String({ description: `${what}, or * for any` }));

export const Rule = Type.Object({
  channel: pattern("The channel's name"),
  account: pattern("The account's name"),
  team: pattern("The platform's id of the guild, team or workspace"),
  chat: pattern("The platform's id of the group, direct for every direct conversation"),
  thread: pattern("The platform's id of the thread or topic"),
  sender: pattern("The platform's id of whoever writes"),
  agent: agentId,
});
export type Rule = Static<typeof Rule>;

export const RoutingConfig = Type.Object({
  default: Type.Optional(agentId),
  list: Type.Array(AgentConfig, { default: [], description: "The agents; when empty there is one, called main" }),
  owner: Type.Array(Type.String({ pattern: identityPattern }), {
    default: [],
    description:
      "The owner's identities on channels, as <channel>:<sender id>, or <channel>/<account>:<sender id> for one account alone; their direct messages reach the main session",
  }),
  rules: Type.Array(Rule, { default: [], description: "First match wins; a field that is absent matches everything" }),
});
export type RoutingConfig = Static<typeof RoutingConfig>;

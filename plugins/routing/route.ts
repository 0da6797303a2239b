/** From an inbound message to an agent and a session. */
import type { Route, RouteRequest } from "@pincer/plugin-sdk/contracts/router";
import { configuredAgents, defaultAgentId } from "./agents.ts";
import type { RoutingConfig } from "./config.ts";
import { isOwner } from "./identities.ts";
import { ruleFor } from "./rules.ts";

/** So much of a platform's id is readable in a session's key, which has 512 characters for all. */
const longestPart = 160;
const THREAD = ":thread:";

/**
 * A platform's id as a part of a session's key: as it is where nothing in it can pass for another part, else escaped, and told apart by its hash
 * where that would be too long or lose something. Only what is not as it is has a percent sign.
 */
function keyPart(id: string): string {
  const isPlain = id.length <= longestPart && /^[^\p{C}\p{Z}%]+$/u.test(id) && !id.includes(THREAD) && !id.endsWith(":");
  if (isPlain) return id;
  const escaped = encodeURIComponent(id.toWellFormed());
  if (escaped.length <= longestPart && id.isWellFormed()) return escaped;
  const hash = Bun.CryptoHasher.hash("sha256", Buffer.from(id, "utf16le"), "hex").slice(0, 32);
  return `${escaped.slice(0, longestPart).replace(/%.?$/, "")}%~${hash}`;
}

/**
 * The owner's direct messages belong to the agent's main session, wherever they were written; every other conversation has a session of
 * its own. An agent that is no longer configured is passed over.
 * @param chosen the agent that was chosen for this conversation, by `choose`.
 */
export function routeMessage(config: RoutingConfig, { message, agentId: given, owner }: RouteRequest, chosen?: string): Route {
  const ids = new Set(configuredAgents(config).map((agent) => agent.id));
  const named = [chosen, given].find((id) => id !== undefined && ids.has(id));
  const agentId = named ?? ruleFor(config.rules, ids, message)?.agent ?? defaultAgentId(config);
  const { channel, account, conversation, thread } = message.address;
  const isOwners = message.chat === "direct" && (owner ?? isOwner(config.owner, { channel, account, sender: message.sender.id }));
  const suffix = thread === undefined ? "" : `${THREAD}${keyPart(thread)}`;
  const rest = isOwners ? "main" : `${channel}:${account}:${keyPart(conversation)}`;
  return { agentId, owner: isOwners, sessionKey: `agent:${agentId}:${rest}${suffix}` };
}

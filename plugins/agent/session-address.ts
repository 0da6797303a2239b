/** From what a client calls a session to the session itself. */
import type { Session } from "@pincer/plugin-sdk/contracts/sessions";
import { agentErrors } from "./errors.ts";
import type { AgentContext } from "./uses.ts";

export interface SessionAddress {
  /** Canonical: `agent:<agent>:<rest>`. */
  readonly key: string;
  readonly agentId: string;
  /** `undefined` while nobody has written in it. */
  readonly session: Session | undefined;
}

/** Throws `ROUTER_AGENT_UNKNOWN`, `SESSION_KEY_INVALID`. */
export async function findSession(agent: AgentContext, written: string | undefined, agentId?: string): Promise<SessionAddress> {
  const io = { signal: agent.signal };
  const named = written === undefined || written === "" ? "main" : written;
  const canonical = named.startsWith("agent:") ? named : `agent:${agentId ?? (await agent.uses.router.agent({}, io)).id}:${named}`;
  const session = await agent.uses.sessions.get({ key: canonical }, io);
  if (session !== null) return { key: session.key, agentId: session.agentId, session };
  const [, owner = "", ...rest] = canonical.split(":");
  await agent.uses.router.agent({ agentId: owner }, io);
  return { key: rest.length === 0 ? `agent:${owner}:main` : canonical, agentId: owner, session: undefined };
}

/** The session, made when nobody has written in it: the owner's own, unless its key is a conversation of a channel. */
export async function openSession(agent: AgentContext, address: SessionAddress): Promise<Session> {
  if (address.session !== undefined) return address.session;
  const isConversation = address.key.replace(/:thread:[\s\S]*$/, "").split(":").length >= 5;
  return agent.uses.sessions.ensure({ key: address.key, owner: !isConversation }, { signal: agent.signal });
}

/** The key of the session that has this id now. Throws `AGENT_SESSION_UNKNOWN`. */
export async function keyOfSessionId(agent: AgentContext, sessionId: string): Promise<string> {
  const { sessions } = await agent.uses.catalog.list({ shortId: sessionId, limit: 1 }, { signal: agent.signal });
  const [found] = sessions;
  if (found?.sessionId !== sessionId) throw agentErrors.AGENT_SESSION_UNKNOWN(`no session has the id "${sessionId}"`);
  return found.key;
}

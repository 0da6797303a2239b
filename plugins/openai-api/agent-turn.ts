/** A request to an agent as a turn in one of its sessions. */
import type { NewEntry } from "@pincer/plugin-sdk/contracts/sessions";
import { parseKey } from "@pincer/plugin-sdk/session-key";
import type { Caller } from "./caller.ts";
import type { Conversation, FilePart, Turn } from "./conversation.ts";
import { badRequest } from "./failure.ts";
import { header } from "./target.ts";
import type { ApiContext } from "./uses.ts";

export interface AgentTurn {
  readonly runId: string;
  readonly agentId: string;
  readonly sessionKey: string;
  readonly text: string;
  /** For whom it is. */
  readonly user: string;
  readonly files: readonly FilePart[];
  readonly system: string;
  /** What was said before, for a session that begins with this turn. */
  readonly history: readonly Turn[];
  /** The model behind the agent; absent: the agent's own. */
  readonly model?: string | undefined;
  readonly thinking?: string | undefined;
  /** It holds what may be asked of local models alone. */
  readonly isPrivate?: boolean | undefined;
}

interface SessionPlace {
  readonly sessionKey: string;
  /** Nothing was said in it, as far as the caller knows. */
  readonly isFresh: boolean;
}

/** The agent's mark of a session that goes to local models alone. */
export const localOnly = "localOnly";

const reserved = /^(subagent|cron|acp):/;
/** Whoever has the gateway's token. */
const owner = "shared";
const longestName = 200;

/** One session for each `user` of a caller, or the one that a header names; else a new one. */
export function sessionFor(agentId: string, { principal }: Caller, user: string | null | undefined, headers: Headers): SessionPlace {
  const named = header(headers, "session-key");
  if (named !== undefined) {
    const { key, rest, agentId: owner } = parseKey(named, agentId);
    if (reserved.test(rest)) throw badRequest(`The session key '${named}' is one that the gateway uses itself.`, "x-openclaw-session-key");
    if (owner !== agentId) throw badRequest(`The session '${key}' belongs to another agent than '${agentId}'.`, "x-openclaw-session-key");
    return { sessionKey: key, isFresh: false };
  }
  if (user) return { sessionKey: `agent:${agentId}:openai-user:${ownName(principal, user)}`, isFresh: false };
  return { sessionKey: `agent:${agentId}:openai:${crypto.randomUUID()}`, isFresh: true };
}

/**
 * The users of whoever has the gateway's token have their names for themselves, as they always had; those of a device stand behind the device's,
 * and a slash, which no encoded name holds. A colon in a session's key would make somebody else's conversation of it.
 */
const ownName = (principal: string, user: string): string =>
  principal === owner ? encoded(user) : `${encoded(principal)}/${encoded(user)}`;

function encoded(text: string): string {
  const name = encodeURIComponent(text.toWellFormed());
  return name.length <= longestName ? name : new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

interface TurnOptions extends SessionPlace {
  readonly runId: string;
  readonly agentId: string;
  readonly user: string;
  /** The parameter that holds the conversation. */
  readonly param: string;
  readonly model?: string | undefined;
  readonly thinking?: string | undefined;
}

/** What was said last is the turn; what stands before it is the session's own already, unless it begins here. */
export function agentTurn({ system, turns }: Conversation, { param, isFresh, ...place }: TurnOptions): AgentTurn {
  const from = turns.findLastIndex(({ role }) => role !== "user") + 1;
  const said = turns.slice(from).flatMap((turn) => (turn.role === "user" ? turn.parts : []));
  if (said.length === 0) throw badRequest("An agent answers a user: the last message must be one of the role 'user'.", param);
  const files = said.filter((part) => part.type === "file");
  const text = said.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
  if (text.trim() === "" && files.length === 0) throw badRequest("The last message is empty.", param);
  return { ...place, text: plain(text), files, system: system.join("\n\n"), history: isFresh ? turns.slice(0, from) : [] };
}

/** Commands are for people who type them; a text that a program sends is a text, whatever it begins with. */
const plain = (text: string): string => (/^\s*\//.test(text) ? `\u2060${text}` : text === "" ? " " : text);

/** Makes the session with what was said before, each message under an id of its own, so that a repetition adds nothing. */
export async function beginSession(ctx: ApiContext, { sessionKey, history, runId, isPrivate }: AgentTurn): Promise<void> {
  if (history.length === 0 && isPrivate !== true) return;
  const io = { signal: ctx.signal };
  await ctx.uses.sessions.ensure({ key: sessionKey, owner: true }, io);
  if (isPrivate === true) await ctx.uses.sessions.patch({ key: sessionKey, facets: { [localOnly]: true } }, io);
  const timestamp = ctx.clock.now();
  const entries = history.flatMap((turn, at): NewEntry[] => {
    const id = `${runId}:before:${at}`;
    const kind = "message";
    if (turn.role === "user") {
      const text = turn.parts
        .map((part) => (part.type === "text" ? part.text : `[attached: ${part.fileName ?? part.mimeType}]`))
        .join("\n");
      return text === "" ? [] : [{ id, kind, message: { role: "user", content: text, timestamp } }];
    }
    // Calls of the caller's own tools are none of the agent's.
    const content = turn.role === "assistant" ? turn.content.filter(({ type }) => type === "text") : [];
    return content.length === 0 ? [] : [{ id, kind, message: { role: "assistant", content, timestamp } }];
  });
  if (entries.length > 0) await ctx.uses.sessions.append({ key: sessionKey, entries }, io);
}

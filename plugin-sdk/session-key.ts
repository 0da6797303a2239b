/**
 * Session keys. Canonical: `agent:<agent>:<rest>`, where the rest is `main`, a name of a client's own (`dashboard:<uuid>`), or a
 * conversation `<channel>:<account>:<conversation>`; its first two parts are names, what follows is the platform's own text and may hold
 * anything printable. A thread ends `:thread:<id>`.
 */
import { defineErrors } from "./error.ts";

const keyErrors = defineErrors({
  SESSION_KEY_INVALID: { message: "this is not a session key", wire: "INVALID_REQUEST" },
});

export interface SessionKey {
  readonly key: string;
  readonly agentId: string;
  readonly rest: string;
  /** Whether this is the agent's main conversation, the owner's own. */
  readonly isMain: boolean;
  readonly conversation?: { readonly channel: string; readonly account: string; readonly id: string };
  readonly thread?: string;
}

/** The first name of sessions that no person opened: of what goes on by itself, and of programs. */
export const ownSessions = ["subagent", "cron", "acp", "hook", "heartbeat"] as const;
export const programSessions = { once: "openai", ofUser: "openai-user" } as const;

export const longestKey = 512;
const name = /^[a-z0-9_-]+$/;
const printable = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u;
const thread = ":thread:";

const refuse = (key: string, expected: string) => {
  const shown = key.length > 80 ? `${key.slice(0, 80)}…` : key;
  return keyErrors.SESSION_KEY_INVALID(`${JSON.stringify(shown)} is not a session key: ${expected}`);
};

/**
 * Resolves what a client writes to the canonical key: `main` and other keys without `agent:` belong to `agentId`, or else to the default
 * agent; `agent:<id>` is that agent's main conversation. Throws `SESSION_KEY_INVALID`.
 */
export function parseKey(written: string, defaultAgentId: string, agentId?: string): SessionKey {
  if (written.length > longestKey) throw refuse(written, `at most ${longestKey} characters were expected, ${written.length} came`);
  if (!printable.test(written) || written !== written.trim()) {
    throw refuse(written, "printable text without spaces around it was expected, such as main or agent:main:main");
  }
  let [agent, rest] = [agentId ?? defaultAgentId, written];
  if (written.startsWith("agent:")) {
    const end = `${written}:`.indexOf(":", "agent:".length);
    agent = written.slice("agent:".length, end);
    rest = end === written.length ? "main" : written.slice(end + 1);
    if (agentId !== undefined && agentId !== agent) throw refuse(written, `it belongs to agent ${agent}, but agentId says ${agentId}`);
  }
  if (!name.test(agent)) throw refuse(written, `the agent's name must match ${name.source}, ${JSON.stringify(agent)} came`);

  const at = rest.lastIndexOf(thread);
  const base = at > 0 ? rest.slice(0, at) : rest;
  const [first = "", second = "", ...conversation] = base.split(":");
  const wrong = (conversation.length > 0 ? [first, second] : [first]).find((part) => !name.test(part));
  if (wrong !== undefined) throw refuse(written, `its names must match ${name.source}, ${JSON.stringify(wrong)} came`);
  if (rest.endsWith(":")) throw refuse(written, "something was expected after the last colon");
  const key = `agent:${agent}:${rest}`;
  if (key.length > longestKey) throw refuse(key, `at most ${longestKey} characters were expected, ${key.length} came`);

  return {
    key,
    agentId: agent,
    rest,
    isMain: rest === "main",
    ...(conversation.length > 0 && { conversation: { channel: first, account: second, id: conversation.join(":") } }),
    ...(at > 0 && { thread: rest.slice(at + thread.length) }),
  };
}

import { expect, test } from "bun:test";
import { hasCode } from "./error.ts";
import { longestKey, parseKey } from "./session-key.ts";

const canonical = (written: string, agentId?: string) => parseKey(written, "main", agentId).key;
const refusal = (written: string, agentId?: string): string => {
  try {
    return `accepted as ${canonical(written, agentId)}`;
  } catch (error) {
    if (!hasCode(error, "SESSION_KEY_INVALID")) throw error;
    return error.message;
  }
};

test("what a client writes is resolved to the canonical key", () => {
  expect(canonical("main")).toBe("agent:main:main");
  expect(canonical("agent:ops")).toBe("agent:ops:main");
  expect(canonical("main", "ops")).toBe("agent:ops:main");
  expect(canonical("dashboard:1f")).toBe("agent:main:dashboard:1f");
  expect(canonical("agent:ops:chat:home:-100:7")).toBe("agent:ops:chat:home:-100:7");
  expect(canonical("agent:ops:main", "ops")).toBe("agent:ops:main");
});

test("the parts of a conversation's key are told apart, whatever the platform calls its conversations", () => {
  expect(parseKey("agent:main:chat:home:!room:example.org", "main")).toMatchObject({
    agentId: "main",
    isMain: false,
    conversation: { channel: "chat", account: "home", id: "!room:example.org" },
  });
  const thread = parseKey("agent:main:chat:home:C01:thread:$ev:example.org", "main");
  expect(thread.conversation).toEqual({ channel: "chat", account: "home", id: "C01" });
  expect(thread.thread).toBe("$ev:example.org");
  expect(parseKey("main", "main")).toMatchObject({ isMain: true, rest: "main" });
  expect(parseKey("main", "main").conversation).toBeUndefined();
  expect(parseKey("agent:main:main:thread:7", "main")).toMatchObject({ isMain: false, thread: "7" });
});

test("a refusal says what was expected and what came", () => {
  expect(refusal("agent:Main:main")).toContain('the agent\'s name must match ^[a-z0-9_-]+$, "Main" came');
  expect(refusal("agent:main:Chat:home:1")).toContain('"Chat" came');
  expect(refusal("agent:main:chat::1")).toContain('"" came');
  expect(refusal("agent:")).toContain("agent's name");
  expect(refusal("agent:main:")).toContain('"" came');
  expect(refusal("")).toContain("printable text");
  expect(refusal(" main")).toContain("without spaces around it");
  expect(refusal("ma\nin")).toContain("printable text");
  expect(refusal("agent:main:chat:home:\ud800")).toContain("printable text");
  expect(refusal("agent:main:chat:home:")).toContain("after the last colon");
  expect(refusal("agent:main:main:thread:")).toContain("after the last colon");
  expect(refusal("x".repeat(longestKey + 1))).toContain(`at most ${longestKey} characters`);
  expect(refusal("agent:ops:main", "main")).toContain("it belongs to agent ops, but agentId says main");
  expect(refusal("main", "No Such")).toContain("agent's name");
});

test("whatever is written, the answer is a canonical key that resolves to itself, or a refusal", () => {
  const pieces = [
    "agent",
    ":",
    "main",
    "thread",
    "a",
    "Z",
    "0",
    "-",
    "_",
    " ",
    "\0",
    "é",
    "\ud83d",
    "🦀",
    "é",
    "‮",
    "::",
    ":thread:",
    "%",
    '"',
  ];
  let seed = 20261120;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % below;
  };
  let accepted = 0;
  for (let round = 0; round < 50_000; round++) {
    const written = Array.from({ length: random(9) }, () => pieces[random(pieces.length)]).join("");
    const answer = refusal(written);
    if (!answer.startsWith("accepted as ")) continue;
    accepted++;
    const key = answer.slice("accepted as ".length);
    const parsed = parseKey(key, "other");
    expect(parsed.key).toBe(key);
    expect(`agent:${parsed.agentId}:${parsed.rest}`).toBe(key);
    const { conversation, thread } = parsed;
    if (conversation) {
      const rest = `${conversation.channel}:${conversation.account}:${conversation.id}${thread === undefined ? "" : `:thread:${thread}`}`;
      expect(rest).toBe(parsed.rest);
    }
  }
  expect(accepted).toBeGreaterThan(1_000);
});

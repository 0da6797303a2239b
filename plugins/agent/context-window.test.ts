import { expect, test } from "bun:test";
import type { Entry } from "@pincer/plugin-sdk/contracts/sessions";
import type { Message } from "@pincer/plugin-sdk/message";
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import {
  type ContextItem,
  contextItem,
  itemsOf,
  keptFrom,
  prunedItems,
  requestMessages,
  requestTokens,
  summaryEnd,
  summaryId,
  tokenLimit,
} from "./context-window.ts";

const settings = { reserveShare: 0.15, reserveTokens: 16_000, pruneShare: 0.6, keepShare: 0.2 };
const limits = (window: number, overhead = 0) => ({ window, overhead, settings });
const tokens = (count: number) => "x".repeat(Math.floor(count * 3.6));

const user = (text: string): Message => ({ role: "user", content: text, timestamp: 0 });
const says = (text: string, total?: number): Message => ({
  role: "assistant",
  content: [{ type: "text", text }],
  timestamp: 0,
  ...(total === undefined ? {} : { usage: { input: total, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: total, cost: null } }),
});
const calls = (...ids: string[]): Message => ({
  role: "assistant",
  content: ids.map((id) => ({ type: "toolCall" as const, id, name: "read", arguments: {} })),
  timestamp: 0,
});
const result = (toolCallId: string, text = "ok"): Message => ({
  role: "toolResult",
  toolCallId,
  toolName: "read",
  content: [{ type: "text", text }],
  isError: false,
  timestamp: 0,
});
const items = (...messages: Message[]): ContextItem[] =>
  messages.map((message, index) => contextItem(`e${index}`, message, "message", index + 1));
const entry = (seq: number, message: Message, kind: Entry["kind"] = "message", id = `e${seq}`): Entry => ({
  id,
  parent: null,
  seq,
  kind,
  message,
  at: 0,
});

test("a text in a script of three bytes a character is not taken for a small one", () => {
  expect(textTokens("漢".repeat(100))).toBeGreaterThan(75);
  expect(textTokens("word ".repeat(100))).toBeGreaterThan(100);
});

test("the provider's own count is believed, and only what came since is estimated", () => {
  const list = items(user(tokens(10)), says("a", 5_000), user(tokens(100)));
  expect(requestTokens(list, limits(100_000))).toBeGreaterThanOrEqual(5_100);
  expect(requestTokens(list, limits(100_000))).toBeLessThan(5_120);
});

test("without a count the overhead of prompt and tools is part of the estimate", () => {
  expect(requestTokens(items(user(tokens(100))), limits(100_000, 1_500))).toBeGreaterThanOrEqual(1_600);
});

test("#13624 what was counted before a summary does not make the conversation look full again", () => {
  const path = [
    entry(1, user("long ago")),
    entry(2, says("old", 90_000)),
    entry(3, user("kept")),
    entry(4, says("kept too", 95_000)),
    entry(5, user("a summary"), "summary", summaryId("r1", 3)),
    entry(6, user("now")),
  ];
  const list = itemsOf(path);
  expect(list.map(({ id }) => id)).toEqual([summaryId("r1", 3), "e3", "e4", "e6"]);
  expect(requestTokens(list, limits(100_000))).toBeLessThan(200);
});

test("notes are for people and never reach the model", () => {
  expect(itemsOf([entry(1, user("/status"), "note"), entry(2, user("hello"))]).map(({ id }) => id)).toEqual(["e2"]);
});

test("a summary's id says what it left word for word, whatever the run is called", () => {
  expect(keptFrom(summaryId("in:demo:main:summary:9", 42))).toBe(42);
  expect(keptFrom("r1:user")).toBeUndefined();
});

test("old tool results are left out of a full window, and the newest stay", () => {
  const list = items(...Array.from({ length: 10 }, (_, index) => [calls(`c${index}`), result(`c${index}`, tokens(700))]).flat());
  const sent = requestMessages(list, limits(10_000), (message) => message);
  const texts = sent.flatMap((message) => (message.role === "toolResult" ? [message.content[0]] : []));
  expect(texts[0]).toMatchObject({ text: expect.stringContaining("left out") });
  expect(texts.at(-1)).toMatchObject({ text: tokens(700) });
  expect(requestMessages(list, limits(100_000), (message) => message)).toEqual(list.map(({ message }) => message));
});

test("what is left out moves in steps, so that the beginning of the request stays the same for a while", () => {
  const grown = (count: number) =>
    items(...Array.from({ length: count }, (_, index) => [calls(`c${index}`), result(`c${index}`, tokens(100))]).flat());
  const counts = Array.from({ length: 40 }, (_, more) => prunedItems(grown(60 + more), limits(10_000)));
  expect(new Set(counts).size).toBeLessThan(8);
  expect(counts.at(-1)).toBeGreaterThan(counts[0]!);
});

test("a summary never parts a tool call from its results", () => {
  for (let size = 1; size < 40; size++) {
    const list: ContextItem[] = items(
      user("start"),
      ...Array.from({ length: size }, (_, index) => [
        calls(`a${index}`, `b${index}`),
        result(`b${index}`, tokens(50)),
        result(`a${index}`, tokens(50)),
      ]).flat(),
    );
    for (const keep of [0, 100, 500, 5_000]) {
      const end = summaryEnd(list, keep);
      const kept = list.slice(end);
      const asked = new Set(
        kept.flatMap(({ message }) =>
          message.role === "assistant" ? message.content.map((block) => (block.type === "toolCall" ? block.id : "")) : [],
        ),
      );
      for (const { message } of kept) if (message.role === "toolResult") expect(asked.has(message.toolCallId)).toBe(true);
    }
  }
});

test("a call that never got a result holds up no summary", () => {
  const list = items(user("start"), calls("lost"), user(tokens(1_000)), says(tokens(1_000)), user(tokens(50)));
  expect(summaryEnd(list, 100)).toBe(4);
});

test("what stays after a summary fits the budget, but the newest message always stays", () => {
  const list = items(user(tokens(1_000)), says(tokens(1_000)), user(tokens(1_000)), says(tokens(100)), user(tokens(50)));
  expect(summaryEnd(list, 500)).toBe(3);
  expect(summaryEnd(list, 0)).toBe(4);
  expect(summaryEnd(items(user(tokens(9_000))), 100)).toBe(0);
});

test("a summary alone is not summarised again", () => {
  const list = [contextItem("summary:1:r", user(tokens(500)), "summary", 9), contextItem("e10", user(tokens(100)), "message", 10)];
  expect(summaryEnd(list, 0)).toBe(0);
});

test("room for the answer is kept free, in a small window a smaller part of it", () => {
  expect(tokenLimit(limits(200_000))).toBe(184_000);
  expect(tokenLimit(limits(8_000))).toBe(6_800);
});

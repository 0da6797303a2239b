import { expect, test } from "bun:test";
import { createAnswer, INVALID_ARGUMENTS, tokenUsage } from "./answer.ts";

const head = { provider: "p", model: "m", api: "x", timestamp: 1 };
const usage = tokenUsage({ input: 3, output: 2 });

test("blocks keep the order in which they began, and events carry their places", () => {
  const answer = createAnswer(head);
  const events = [
    ...answer.thinking("t", "hm"),
    ...answer.text("a", "one "),
    ...answer.toolCall("c", { id: "c1", name: "tool" }),
    ...answer.text("a", "two"),
    ...answer.text("b", ""),
  ];
  answer.addArguments("c", '{"x"');
  answer.addArguments("c", ":1}");
  answer.sign("t", "proof");
  expect(events.map((event) => [event.type, event.index])).toEqual([
    ["thinking", 0],
    ["text", 1],
    ["tool-call", 2],
    ["text", 1],
  ]);
  expect(answer.finish({ stopReason: "toolUse", usage }).message.content).toEqual([
    { type: "thinking", thinking: "hm", signature: "proof" },
    { type: "text", text: "one two" },
    { type: "toolCall", id: "c1", name: "tool", arguments: { x: 1 } },
  ]);
});

test("what a vendor sends that is no text is none, and what it repeats is told once", () => {
  const answer = createAnswer(head);
  expect(answer.text("a", 5 as unknown as string)).toEqual([]);
  expect(answer.thinking("t", null)).toEqual([]);
  expect(answer.toolCall("c", { name: 7 as unknown as string })).toEqual([]);
  expect(answer.toolCall("c", { id: "c1", name: "tool" })).toHaveLength(1);
  expect(answer.toolCall("c", { id: "c2", name: "tool" })).toEqual([]);
  answer.addArguments("unknown", "{}");
  expect(answer.finish({ stopReason: "toolUse", usage }).message.content).toHaveLength(1);
});

test("arguments that are no object are kept for the tool to refuse", () => {
  for (const json of ["[1]", "null", "{x}", '"text"']) {
    const answer = createAnswer(head);
    answer.toolCall("c", { id: "c1", name: "tool" });
    answer.setArguments("c", json);
    expect(answer.finish({ stopReason: "toolUse", usage }).message.content).toEqual([
      { type: "toolCall", id: "c1", name: "tool", arguments: { [INVALID_ARGUMENTS]: json } },
    ]);
  }
});

test("an answer that broke or was aborted runs no tool, and says why it broke", () => {
  for (const stopReason of ["error", "aborted"] as const) {
    const answer = createAnswer(head);
    answer.text("a", "so far");
    answer.toolCall("c", { id: "c1", name: "tool" });
    answer.setArguments("c", "{}");
    const failure = { class: "network" as const, message: "it broke" };
    const ended = answer.finish({ stopReason, usage, ...(stopReason === "error" ? { failure } : {}) });
    expect(ended.message.content).toEqual([{ type: "text", text: "so far" }]);
    expect(ended.message.errorMessage).toBe((stopReason === "error" ? "it broke" : undefined) as string);
  }
});

test("counts that make no sense count as none", () => {
  for (const cost of [-1, Number.POSITIVE_INFINITY, Number.NaN]) expect(tokenUsage({ cost }).cost).toBeNull();
  expect(tokenUsage({ cost: 0 }).cost).toBe(0);
  expect(tokenUsage({ input: -5, output: Number.NaN, cacheRead: null, cacheWrite: 1.6 })).toEqual({
    input: 0,
    output: 0,
    cacheRead: 0,
    cacheWrite: 2,
    totalTokens: 2,
    cost: null,
  });
});

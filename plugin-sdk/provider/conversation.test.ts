import { expect, test } from "bun:test";
import type { AssistantMessage, Message, ToolResultMessage } from "../message.ts";
import { isOwnMessage, pairToolCalls, vendorCallId } from "./conversation.ts";

const user = (text: string): Message => ({ role: "user", content: text, timestamp: 1 });
const calling = (...ids: string[]): AssistantMessage => ({
  role: "assistant",
  content: ids.map((id) => ({ type: "toolCall", id, name: "t", arguments: {} })),
  timestamp: 2,
});
const result = (toolCallId: string, text = toolCallId): ToolResultMessage => ({
  role: "toolResult",
  toolCallId,
  toolName: "t",
  content: [{ type: "text", text }],
  isError: false,
  timestamp: 3,
});

test("results stand behind their calls, in the calls' order, whatever came between", () => {
  const messages = [user("a"), calling("1", "2"), result("2"), user("hurry"), result("1")];
  expect(pairToolCalls(messages)).toEqual([user("a"), calling("1", "2"), result("1"), result("2"), user("hurry")]);
});

test("a call without a result gets one that says so; a result without a call goes; an empty answer goes", () => {
  const empty: AssistantMessage = { role: "assistant", content: [], timestamp: 4 };
  const paired = pairToolCalls([user("a"), calling("1"), empty, result("stray")]);
  expect(paired.map(({ role }) => role)).toEqual(["user", "assistant", "toolResult"]);
  expect(paired[2]).toMatchObject({ toolCallId: "1", isError: true });
});

test("an id that comes again in a later turn takes its own result", () => {
  const paired = pairToolCalls([calling("1"), result("1", "first"), user("again"), calling("1"), result("1", "second")]);
  expect(paired.map((message) => (message.role === "toolResult" ? message.content : message.role))).toEqual([
    "assistant",
    [{ type: "text", text: "first" }],
    "user",
    "assistant",
    [{ type: "text", text: "second" }],
  ]);
});

test("ids that vendors refuse become ones that they take, and different ones stay different", () => {
  expect(vendorCallId("call_1-a")).toBe("call_1-a");
  const odd = ["a|b", "a b", "x".repeat(65), `${"x".repeat(64)}y`, "", "日本"].map(vendorCallId);
  expect(odd.every((id) => /^[a-zA-Z0-9_-]{1,64}$/.test(id))).toBe(true);
  expect(new Set(odd).size).toBe(odd.length);
  expect(vendorCallId("a|b")).toBe(odd[0] as string);
});

test("only the same model over the same way of speaking is its own", () => {
  const to = { provider: "p", model: "m", api: "x" };
  expect(isOwnMessage({ ...calling("1"), ...to }, to)).toBe(true);
  for (const other of [{ provider: "q" }, { model: "n" }, { api: "y" }])
    expect(isOwnMessage({ ...calling("1"), ...to, ...other }, to)).toBe(false);
});

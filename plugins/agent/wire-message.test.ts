import { expect, test } from "bun:test";
import type { Entry } from "@pincer/plugin-sdk/contracts/sessions";
import type { Message } from "@pincer/plugin-sdk/message";
import { wireMessage, wireMessages } from "./wire-message.ts";

const entry = (seq: number, message: Message, kind: Entry["kind"] = "message"): Entry => ({
  id: `e${seq}`,
  parent: null,
  seq,
  kind,
  message,
  runId: "r",
  at: 5,
});
const user = (content: Extract<Message, { role: "user" }>["content"], idempotencyKey?: string): Message => ({
  role: "user",
  content,
  timestamp: 1,
  ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
});
const image = (bytes: number) => ({ type: "image" as const, mimeType: "image/png", data: "A".repeat(bytes) });

test("a message keeps its own shape and says where it stands", () => {
  const shown: unknown = wireMessage(entry(3, user("hi", "r:user")));
  expect(shown).toEqual({
    role: "user",
    content: "hi",
    timestamp: 1,
    idempotencyKey: "r:user",
    __openclaw: { id: "e3", seq: 3, runId: "r", recordTimestampMs: 5 },
  });
});

test("the gateway's own words are not shown as the user's, and the answer to a command is marked", () => {
  expect(wireMessage(entry(1, user("Summary"), "summary"))).toMatchObject({ role: "system", __openclaw: { kind: "summary" } });
  expect(wireMessage(entry(1, user("A message was not delivered"), "note")).role).toBe("system");
  expect(wireMessage(entry(1, user("/status", "r:user"), "note")).role).toBe("user");
  const reply: Message = { role: "assistant", content: [{ type: "text", text: "Stopped." }], timestamp: 1 };
  expect(wireMessage(entry(1, reply, "note"))).toMatchObject({ role: "assistant", command: true });
});

test("a long text is cut and says so", () => {
  const shown = wireMessage(entry(1, user("x".repeat(5_000))), 100);
  expect(String(shown.content).length).toBeLessThan(200);
  expect(shown.__openclaw.truncated).toBe(true);
});

test("a call whose arguments are a whole file is cut and says so", () => {
  const call = {
    type: "toolCall" as const,
    id: "c",
    name: "write",
    arguments: { path: "a.txt", content: "x".repeat(50_000), lines: [1, 2] },
  };
  const asked: Message = { role: "assistant", content: [call], timestamp: 1 };
  const shown = wireMessage(entry(1, asked), 1_000);
  expect(JSON.stringify(shown.content).length).toBeLessThan(1_000);
  expect(shown).toMatchObject({
    content: [{ type: "toolCall", arguments: { path: "a.txt", lines: [1, 2] } }],
    __openclaw: { truncated: true },
  });
  expect(wireMessage(entry(1, asked)).content).toEqual([call]);
});

test("images that do not fit are left out of the oldest messages first", () => {
  const shown = wireMessages([entry(1, user([image(900)])), entry(2, user([image(900)]))], 10_000, 1_500);
  expect(shown[0]?.content).toEqual([{ type: "image", mimeType: "image/png", omitted: true }]);
  expect(shown[1]?.content).toMatchObject([{ type: "image", data: expect.stringContaining("AAA") }]);
});

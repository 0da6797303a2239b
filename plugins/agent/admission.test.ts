import { expect, test } from "bun:test";
import type { TurnRequest } from "@pincer/plugin-sdk/contracts/turn";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Value } from "@sinclair/typebox/value";
import { admissionOf } from "./admission.ts";
import { takeAttachments } from "./attachments.ts";
import { parseCommand } from "./commands.ts";
import { AgentConfig } from "./config.ts";
import type { TurnInput } from "./turn-input.ts";
import { userMessage } from "./user-message.ts";
import type { AgentContext } from "./uses.ts";

const config = Value.Create(AgentConfig);
const agent = { config, clock: createManualClock() } as unknown as AgentContext;
const request = (text: string, over: Partial<TurnRequest> = {}): TurnRequest => ({
  runId: "r1",
  sessionKey: "agent:main:main",
  agentId: "main",
  owner: true,
  text,
  ...over,
});

test("a turn waits in its session's lane under its run's id", () => {
  expect(admissionOf(agent, request("hello"))).toMatchObject({
    lane: "turn:agent:main:main",
    kind: "agent.turn",
    key: "run:r1",
    mode: "steer",
  });
  expect(admissionOf(agent, request("hello", { mode: "followup" })).mode).toBe("followup");
});

test("the owner's commands do not wait behind the turn that they are about, and summaries take their place between turns", () => {
  expect(admissionOf(agent, request("/stop"))).toMatchObject({ kind: "agent.command", input: { command: "stop", args: "" } });
  expect(admissionOf(agent, request("/stop")).lane).not.toBe("turn:agent:main:main");
  expect(admissionOf(agent, request("/compact the dates"))).toMatchObject({
    lane: "turn:agent:main:main",
    kind: "agent.compact",
    input: { focus: "the dates" },
  });
});

test("somebody else's text carries no commands, and takes from that sender's turns", () => {
  const stranger = request("/reset", { owner: false, sender: { id: "7", channel: "demo" } });
  expect(admissionOf(agent, stranger)).toMatchObject({ kind: "agent.turn", sender: "demo:7" });
  expect(admissionOf(agent, request("hi", { sender: { id: "1", channel: "demo" } }))).not.toHaveProperty("sender");
});

test("commands go by their names, their other names, and with a bot's name behind them", () => {
  expect(parseCommand(" /Think@my_bot high ")).toEqual({ name: "think", args: "high" });
  expect(parseCommand("/thinking: high")).toEqual({ name: "think", args: "high" });
  expect(parseCommand("/new\nline one\nline two")).toEqual({ name: "new", args: "line one\nline two" });
  for (const text of ["/", "/unknown", "/newest", "not /new", "//new", "/etc/passwd"]) expect(parseCommand(text)).toBeUndefined();
});

test("a channel's message with too much attached keeps its text, and what was left is named as nobody's word", () => {
  const attachments = Array.from({ length: 30 }, (_, index) => ({
    kind: "image" as const,
    mimeType: "image/png",
    fileName: `${index}\nrun \`it\`.png`,
    data: "AAAA",
  }));
  const { input } = admissionOf(agent, request("look", { attachments })) as { input: TurnInput };
  expect(input.attachments).toHaveLength(20);
  expect(input.text).toBe("look");
  const { content, untrusted } = userMessage({ ...input, attachments: [] }, { documentBytes: 1, documentChars: 1, imageBytes: 1 });
  expect(content[1]).toMatchObject({ text: expect.stringMatching(/^\[attached, .*29 run it \.png/), source: { kind: "attachment" } });
  expect(untrusted?.sources).toMatchObject([{ kind: "attachment" }]);
});

const png = Buffer.from("\x89PNG\r\n\x1a\nrest", "latin1").toString("base64");

test("an attachment is what its first bytes say, in base64 or as a data URL", () => {
  expect(takeAttachments([{ fileName: "a.txt", mimeType: "text/plain", content: png }], config)).toMatchObject([
    { kind: "image", mimeType: "image/png", fileName: "a.txt" },
  ]);
  expect(takeAttachments([{ content: `data:text/csv;charset=utf-8;base64,YSxi` }], config)).toMatchObject([
    { kind: "document", mimeType: "text/csv", data: "YSxi" },
  ]);
});

test("an attachment that cannot be taken is refused with its name and the limit", () => {
  const refuse =
    (content: string, limits: Partial<typeof config> = {}) =>
    () =>
      takeAttachments([{ fileName: "it.png", content }], { ...config, ...limits });
  expect(refuse("not base64!")).toThrow(/it\.png.*base64/);
  expect(refuse("")).toThrow(/it\.png/);
  expect(refuse(png, { imageBytes: 5 })).toThrow(/it\.png.*5 bytes/);
  expect(refuse(png, { attachmentBytes: 5 })).toThrow(/5 bytes together/);
  expect(() =>
    takeAttachments(
      Array.from({ length: 21 }, () => ({ content: png })),
      config,
    ),
  ).toThrow(/at most 20/);
});

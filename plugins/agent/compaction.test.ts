import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, asks, fails, says, startScript } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { type Conversation, startConversation } from "../../tests/fixtures/conversation.ts";

const MAIN = "agent:main:main";
const window = { model: { contextWindow: 4_000 } };
const long = (words: string) => `${words} ${"blah ".repeat(600)}`;

const isSummary = ({ system }: ModelRequest) => system[0]!.text.startsWith("You keep the memory");
const summaries = ({ script }: Conversation) => script.models.filter(({ request }) => isSummary(request));
const sizeOf = ({ messages }: ModelRequest) => Math.ceil(JSON.stringify(messages).length / 3.6);

/** A model that answers turns at length and summaries as it is told; it counts as a real one does, and refuses what is too long for it. */
const counting =
  (summary: Answer, answer = long("an answer")): Answer =>
  (request, signal) => {
    if (isSummary(request)) return typeof summary === "function" ? summary(request, signal) : summary;
    const input = sizeOf(request);
    return input > 4_000
      ? [{ fail: "context-overflow", message: `${input} tokens` }]
      : [{ text: answer }, { usage: { input, output: Math.ceil(answer.length / 4) } }];
  };

async function fill(talk: Conversation, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) expect(await talk.ask(long(`question ${turn}`))).toMatchObject({ state: "final" });
}

test("#13624 a conversation that outgrows the window is summarised once, and goes on for ever", async () => {
  await using talk = await startConversation(window);
  let made = 0;
  talk.script.otherwise(counting(() => [{ text: `SUMMARY ${++made}` }]));
  await fill(talk, 12);
  const turns = talk.script.models.filter(({ request }) => !isSummary(request));
  expect(turns).toHaveLength(12);
  expect(made).toBeGreaterThan(2);
  expect(made).toBeLessThan(12);
  for (const { request } of turns) expect(sizeOf(request)).toBeLessThan(4_000);
  const last = turns.at(-1)!.request.messages;
  expect(textOf(last[0])).toContain("SUMMARY");
  expect(textOf(last.at(-1))).toContain("question 11");
});

test("nothing is taken from the transcript, and people see where a summary stands", async () => {
  await using talk = await startConversation(window);
  talk.script.otherwise(counting([{ text: "SUMMARY" }]));
  await fill(talk, 5);
  const history = await talk.history();
  expect(history.filter(({ role }) => role === "user")).toHaveLength(5);
  expect(history.filter(({ role }) => role === "system").length).toBeGreaterThan(0);
  const operations = talk.client.eventsOf("session.operation").map(({ phase, completed }) => [phase, completed]);
  expect(operations.slice(0, 2)).toEqual([
    ["start", undefined],
    ["end", true],
  ]);
});

test("a provider that says the conversation is too long is asked once more, with a summary", async () => {
  await using talk = await startConversation({ model: { contextWindow: 100_000 } });
  talk.script.otherwise(counting([{ text: "SUMMARY" }], "short"));
  await fill(talk, 3);
  talk.script.answer(fails("context-overflow", "too long"));
  expect(textOf((await talk.ask("go on"))["message"])).toBe("short");
  expect(summaries(talk)).toHaveLength(1);
  const last = talk.script.models.at(-1)!.request.messages;
  expect(textOf(last[0])).toContain("SUMMARY");
  expect(textOf(last.at(-1))).toContain("go on");
});

test("#78562 #70334 a summary that fails ends the turn with what to do, and the session stays usable", async () => {
  await using talk = await startConversation({ ...window, agent: { modelRetries: 0 } });
  talk.script.otherwise(counting(fails("network", "unplugged")));
  let end = await talk.ask(long("question 0"));
  for (let turn = 1; end["state"] === "final"; turn++) end = await talk.ask(long(`question ${turn}`));
  expect(end).toMatchObject({ state: "error", errorKind: "context_length", errorMessage: expect.stringMatching(/unplugged.*\/new/s) });
  const asked = summaries(talk).length;
  expect(asked).toBeLessThan(4);
  expect(await talk.ask("/status")).toMatchObject({ state: "final" });
  talk.script.otherwise(counting([{ text: "SUMMARY" }]));
  expect(await talk.ask("and now?")).toMatchObject({ state: "final" });
});

test("#72676 a single message that no window holds is an error, not a circle", async () => {
  await using talk = await startConversation(window);
  talk.script.otherwise(counting([{ text: "SUMMARY" }]));
  expect(await talk.ask("x".repeat(60_000))).toMatchObject({ state: "error", errorKind: "context_length" });
  expect(talk.script.models.length).toBeLessThan(4);
});

test("a long turn is summarised in its middle, and no call loses its result", async () => {
  await using talk = await startConversation({ model: { contextWindow: 6_000 } });
  let looks = 0;
  talk.script.tool("look", () => [{ content: [{ type: "text", text: `saw ${looks}` }] }]);
  talk.script.otherwise((request) => {
    if (isSummary(request)) return [{ text: "SUMMARY of the task" }];
    const open = new Set<string>();
    for (const message of request.messages) {
      if (message.role === "assistant") for (const block of message.content) if (block.type === "toolCall") open.add(block.id);
      if (message.role === "toolResult") expect(open.delete(message.toolCallId)).toBe(true);
    }
    expect(open.size).toBe(0);
    return looks++ < 15 ? [{ text: long(`Looking again, ${looks}.`) }, asks("look", { text: `${looks}` })] : [{ text: "I saw it all." }];
  });
  expect(textOf((await talk.ask("look fifteen times"))["message"])).toEndWith("I saw it all.");
  expect(summaries(talk).length).toBeGreaterThan(0);
});

test("what is far too long for one summary is summarised piece by piece", async () => {
  const home = await mkdtemp(join(tmpdir(), "agent-pieces-"));
  const script = startScript();
  try {
    const first = await startConversation({ home, script });
    script.otherwise(says("short"));
    for (let turn = 0; turn < 8; turn++) await first.ask(long(`question ${turn}`));
    await first.gateway.stop();

    await using later = await startConversation({ home, script, model: { contextWindow: 2_500 } });
    let part = 0;
    script.otherwise((request) => {
      if (!isSummary(request)) return [{ text: "still here" }];
      expect(sizeOf(request)).toBeLessThan(2_500);
      if (part > 0) expect(textOf(request.messages[0])).toContain(`PART ${part}`);
      return [{ text: `PART ${++part}` }];
    });
    expect(textOf((await later.ask("and?"))["message"])).toBe("still here");
    expect(part).toBeGreaterThan(2);
  } finally {
    await script.stop();
    await rm(home, { recursive: true, force: true });
  }
});

test("a model that takes less than is known of it is given smaller pieces, and the session stays usable", async () => {
  await using talk = await startConversation({ agent: { modelRetries: 0 } });
  let limit = 100_000;
  let refused = 0;
  talk.script.otherwise((request) => {
    if (sizeOf(request) <= limit) return [{ text: isSummary(request) ? "SUMMARY" : "short" }];
    refused++;
    return [{ fail: "context-overflow", message: `${sizeOf(request)} tokens > ${limit}` }];
  });
  await fill(talk, 12);
  limit = 3_000;
  await fill(talk, 8);
  expect(refused).toBeLessThan(10);
  expect(textOf(talk.script.models.at(-1)!.request.messages[0])).toContain("SUMMARY");
});

test("the owner may ask for a summary, a client too, and cut a conversation without any model", async () => {
  await using talk = await startConversation();
  expect(await talk.client.call<object>("sessions.compact", { key: MAIN })).toMatchObject({ compacted: false });
  talk.script.otherwise((request) => [{ text: isSummary(request) ? "SUMMARY" : "fine" }]);
  await fill(talk, 4);
  const end = await talk.ask("/compact the questions");
  expect(end).toMatchObject({ state: "final", message: { command: true } });
  expect(summaries(talk)).toHaveLength(1);
  expect(textOf(summaries(talk)[0]!.request.messages[0])).toContain("the questions");
  await fill(talk, 3);
  expect(await talk.client.call<object>("sessions.compact", { key: MAIN })).toMatchObject({ ok: true, key: MAIN, compacted: true });
  expect(summaries(talk)).toHaveLength(2);
  await fill(talk, 3);
  const before = talk.script.models.length;
  expect(await talk.client.call<object>("sessions.compact", { key: MAIN, maxLines: 2 })).toMatchObject({ compacted: true });
  expect(talk.script.models).toHaveLength(before);
  await talk.ask("still there?");
  expect(talk.script.models.at(-1)!.request.messages).toHaveLength(4);
});

test("old tool results are left out before anything is summarised", async () => {
  await using talk = await startConversation({ model: { contextWindow: 12_000 }, agent: { toolResultChars: 6_000 } });
  talk.script.tool("look", long("saw it").repeat(2));
  let looks = 0;
  talk.script.otherwise(() => (looks++ % 2 === 0 ? [asks("look", { text: `${looks}` })] : says("seen")) as never);
  for (let turn = 0; turn < 5; turn++) await talk.ask(`look ${turn}`);
  expect(summaries(talk)).toHaveLength(0);
  expect(JSON.stringify(talk.script.models.at(-1)!.request.messages)).toContain("an old result, left out");
});

test("a resumed turn whose model has a smaller window by then makes a summary of its own of what the first one left", async () => {
  const home = await mkdtemp(join(tmpdir(), "agent-pieces-"));
  const script = startScript();
  try {
    const config = { gateway: { lanes: { drainMs: 0 } } };
    const first = await startConversation({ home, script, config });
    script.otherwise(says("short"));
    for (let turn = 0; turn < 8; turn++) await first.ask(long(`question ${turn}`));
    await first.gateway.stop();

    const second = await startConversation({ home, script, config, model: { contextWindow: 6_000 } });
    let part = 0;
    const asked = Promise.withResolvers<void>();
    script.otherwise(async function* (request, signal) {
      if (isSummary(request)) return yield { text: `PART ${++part}` };
      asked.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const runId = await second.say("and?");
    await asked.promise;
    await second.gateway.stop();
    const made = part;
    expect(made).toBeGreaterThan(0);

    await using third = await startConversation({ home, script, config, model: { contextWindow: 1_200 } });
    script.otherwise((request) => [{ text: isSummary(request) ? `PART ${++part}` : "still here" }]);
    expect(await third.client.call<object>("agent.wait", { runId })).toMatchObject({ terminalReply: { text: "still here" } });
    const since = summaries(third).slice(made);
    expect(since.map(({ request }) => textOf(request.messages[0])).join()).toContain("question 7");
    expect(textOf(script.models.at(-1)!.request.messages[0])).toContain(`PART ${part}`);
  } finally {
    await script.stop();
    await rm(home, { recursive: true, force: true });
  }
});

import { expect, test } from "bun:test";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { startConversation } from "../../tests/fixtures/conversation.ts";
import { misfits } from "../../tests/fixtures/oracle.ts";

const MAIN = "agent:main:main";

interface History {
  messages: Record<string, unknown>[];
  hasMore: boolean;
  nextOffset?: number;
  totalMessages: number;
  deltaCursor: string;
  pendingInputs: object;
  sessionInfo: object;
}

test("a history is read page by page, newest first, and around one message", async () => {
  await using talk = await startConversation();
  for (let turn = 0; turn < 6; turn++) await talk.ask(`question ${turn}`);
  const read = (params: object) => talk.client.call<History>("chat.history", { sessionKey: MAIN, ...params });
  const pages: string[] = [];
  for (let offset: number | undefined = 0; offset !== undefined; ) {
    const page: History = await read({ limit: 5, offset });
    pages.unshift(...page.messages.map((message) => textOf(message)));
    offset = page.nextOffset;
  }
  const whole = await read({});
  expect(whole).toMatchObject({
    sessionKey: MAIN,
    hasMore: false,
    totalMessages: 12,
    thinkingLevel: "off",
    defaults: { modelProvider: "scripted", model: "one" },
  });
  expect(whole.sessionInfo).toMatchObject({ key: MAIN, hasActiveRun: false });
  expect(misfits("ChatPendingInputsPageSchema", whole.pendingInputs)).toEqual([]);
  expect(pages).toEqual(whole.messages.map((message) => textOf(message)));
  const middle = whole.messages[4] as { __openclaw: { id: string } };
  const around = await read({ limit: 3, messageId: middle.__openclaw.id });
  expect(around.messages.map((message) => textOf(message))).toEqual(pages.slice(3, 6));
});

test("a client that knows a part asks for what came since", async () => {
  await using talk = await startConversation();
  await talk.ask("one");
  const read = (params: object) => talk.client.call<History & { kind: string }>("chat.history", { sessionKey: MAIN, ...params });
  const { deltaCursor } = await read({});
  const runId = await talk.say("two");
  await talk.idle(runId);
  const delta = await read({ cursor: deltaCursor, inputRunIds: [runId, "nobody"] });
  expect(delta).toMatchObject({ kind: "delta", inputReceipts: [{ runId, state: "consumed" }] });
  expect(delta.messages.map((message) => textOf(message))).toEqual(["two", "You said: two"]);
  expect(misfits("ChatHistoryCursorResultSchema", delta)).toEqual([]);
  expect((await read({ cursor: delta.deltaCursor })).messages).toEqual([]);
  await talk.client.call("sessions.reset", { key: MAIN });
  expect(await read({ cursor: delta.deltaCursor })).toEqual({ kind: "reset" } as never);
  expect(await read({ cursor: "nonsense" })).toEqual({ kind: "reset" } as never);
});

test("a conversation that nobody has begun is empty, and reading it makes none", async () => {
  await using talk = await startConversation();
  expect(await talk.client.call<object>("chat.startup", { sessionKey: "agent:main:elsewhere" })).toMatchObject({
    messages: [],
    totalMessages: 0,
  });
  const { sessions } = await talk.client.call<{ sessions: object[] }>("sessions.list", {});
  expect(sessions).toEqual([]);
});

test("one message is read whole", async () => {
  await using talk = await startConversation();
  await talk.ask("x".repeat(5_000));
  const { messages } = await talk.client.call<History>("chat.history", { sessionKey: MAIN, maxChars: 100 });
  const { id } = messages[0]!["__openclaw"] as { id: string };
  expect(textOf(messages[0]).length).toBeLessThan(200);
  const found = await talk.client.call<{ message: object }>("chat.message.get", { sessionKey: MAIN, messageId: id });
  expect(misfits("ChatMessageGetResultSchema", found)).toEqual([]);
  expect(textOf(found.message)).toHaveLength(5_000);
  expect(await talk.client.call<object>("chat.message.get", { sessionKey: MAIN, messageId: "nobody" })).toEqual({
    ok: false,
    unavailableReason: "not_found",
  });
});

test("a message that is put into a conversation is seen at once, and by the model next time", async () => {
  await using talk = await startConversation();
  const { messageId } = await talk.client.call<{ messageId: string }>("chat.inject", {
    sessionKey: MAIN,
    message: "The post is here.",
    label: "door",
  });
  expect(await talk.end(messageId)).toMatchObject({ state: "final", message: { content: [{ text: "[door]\nThe post is here." }] } });
  await talk.ask("what did you say?");
  expect(textOf(talk.script.models[0]!.request.messages[0])).toContain("The post is here.");
});

test("what a chat offers is listed in the shapes that clients know", async () => {
  await using talk = await startConversation();
  const catalog = await talk.client.call<{ groups: { pluginId: string; tools: { id: string; risk: string }[] }[] }>("tools.catalog", {});
  expect(misfits("ToolsCatalogResultSchema", catalog)).toEqual([]);
  expect(catalog.groups.find(({ pluginId }) => pluginId === "scripted-tools")?.tools).toContainEqual(
    expect.objectContaining({ id: "notes.add", risk: "medium" }),
  );
  expect(misfits("ToolsEffectiveResultSchema", await talk.client.call("tools.effective", { sessionKey: MAIN }))).toEqual([]);
  const identity = await talk.client.call("agent.identity.get", {});
  expect(misfits("AgentIdentityResultSchema", identity)).toEqual([]);
  expect(identity).toMatchObject({ agentId: "main", name: "Pincer" });
  const metadata = await talk.client.call<{ models: object[]; commands: object[] }>("chat.metadata", {});
  expect(metadata.commands.length).toBeGreaterThan(5);
  expect(metadata.models.length).toBeGreaterThan(0);
});

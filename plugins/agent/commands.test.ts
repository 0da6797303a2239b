import { expect, test } from "bun:test";
import { lastUserText, says } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { type Conversation, startConversation } from "../../tests/fixtures/conversation.ts";
import { misfits } from "../../tests/fixtures/oracle.ts";

const MAIN = "agent:main:main";
const reply = async (talk: Conversation, command: string) => {
  const end = await talk.ask(command);
  expect(end).toMatchObject({ state: "final", message: { command: true } });
  return textOf(end["message"]);
};

test("commands are answered by the gateway, and no model hears of them", async () => {
  await using talk = await startConversation();
  expect(await reply(talk, "/help")).toMatch(/\/status[\s\S]*\/compact/);
  expect(await reply(talk, "/status")).toMatch(/scripted\/one[\s\S]*agent:main:main/);
  expect(talk.script.models).toHaveLength(0);
  await talk.ask("hello");
  expect(talk.script.models[0]!.request.messages).toHaveLength(1);
  const shown = await talk.history();
  expect(shown[0]).toMatchObject({ role: "user", content: "/help", __openclaw: { kind: "note" } });
  expect(shown[1]).toMatchObject({ role: "assistant", command: true });
});

test("a path goes to the model, and what is to be said as it stands; a word that is no command is answered with the one that was meant", async () => {
  await using talk = await startConversation();
  await talk.ask("/etc/passwd is a file");
  await talk.ask("/status", { suppressCommandInterpretation: true });
  await talk.ask("//tmp is full");
  expect(talk.script.models.map(({ request }) => lastUserText(request))).toEqual(["/etc/passwd is a file", "/status", "/tmp is full"]);
  expect(await reply(talk, "/stauts now")).toStartWith('There is no command /stauts; did you mean "/status"? /help lists');
  expect(await reply(talk, "/tmp is full")).toEndWith("begin with two slashes: //tmp");
  expect(talk.script.models).toHaveLength(3);
});

test("/model and /think choose for the session, and say what is wrong", async () => {
  await using talk = await startConversation();
  expect(await reply(talk, "/model scripted/two")).toContain("scripted/two");
  expect(await reply(talk, "/think high")).toContain("high");
  await talk.ask("x");
  expect(talk.script.models[0]!.request).toMatchObject({ model: "scripted/two", thinking: "high" });
  expect(await reply(talk, "/model")).toContain("scripted/two");
  expect(await reply(talk, "/model nowhere/none")).toContain("nowhere/none");
  expect(await reply(talk, "/think wildly")).toMatch(/wildly.*xhigh/);
  expect(await reply(talk, "/model default")).toContain("scripted/one");
  expect(await reply(talk, "/think default")).toContain("as configured");
  await talk.ask("x");
  expect(talk.script.models[1]!.request).toMatchObject({ model: "scripted/one", thinking: "off" });
});

test("/stop does not wait behind what it is to stop", async () => {
  await using talk = await startConversation();
  expect(await reply(talk, "/stop")).toBe("Nothing is running.");
  talk.script.answer(async function* (_request, signal) {
    yield { text: "on and on" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  const runId = await talk.say("go");
  await talk.client.event("chat", ({ runId: of, state }) => of === runId && state === "delta");
  const waiting = await talk.say("and then", { queueMode: "followup" });
  expect(await reply(talk, "/stop")).toBe("Stopped.");
  for (const stopped of [runId, waiting]) expect(await talk.end(stopped)).toMatchObject({ state: "aborted", stopReason: "stop" });
  expect(await talk.ask("again")).toMatchObject({ state: "final" });
});

test("/new begins again, with a first message when there is one, and only for who may empty a session", async () => {
  await using talk = await startConversation();
  await talk.ask("old");
  talk.script.answer(says("hello"));
  const runId = await talk.say("/new what now?");
  await talk.end(runId);
  expect(textOf((await talk.end(`${runId}:next`))["message"])).toBe("hello");
  expect(talk.script.models.at(-1)!.request.messages).toHaveLength(1);
  expect((await talk.history()).map((message) => textOf(message))).not.toContain("old");

  const writer = await talk.gateway.connect({ scopes: ["operator.write"] });
  const denied = { error: { code: "FORBIDDEN", details: { code: "MISSING_SCOPE", missingScope: "operator.admin" } } };
  await expect(writer.call("chat.send", { sessionKey: MAIN, message: "/new", idempotencyKey: "a" })).rejects.toMatchObject(denied);
  await expect(writer.call("agent", { message: "/reset", idempotencyKey: "b" })).rejects.toMatchObject(denied);
  await expect(writer.call("sessions.send", { key: MAIN, message: "/reset" })).rejects.toMatchObject(denied);
});

test("the commands are listed as clients expect them", async () => {
  await using talk = await startConversation();
  const listed = await talk.client.call<{ commands: { name: string }[] }>("commands.list", {});
  expect(misfits("CommandsListResultSchema", listed)).toEqual([]);
  expect(listed.commands.map(({ name }) => name)).toEqual([
    "help",
    "status",
    "usage",
    "new",
    "reset",
    "stop",
    "model",
    "think",
    "agents",
    "compact",
  ]);
});

test("a new conversation follows the configured model again, and keeps what was chosen", async () => {
  await using talk = await startConversation();
  const modelOf = async () => (await talk.client.call<{ session: { model?: string } }>("sessions.describe", { key: MAIN })).session.model;
  await talk.ask("hi");
  expect(await modelOf()).toBe("one");
  await talk.ask("/new");
  expect(await modelOf()).toBeUndefined();
  await talk.ask("/model scripted/two");
  await talk.ask("hi");
  await talk.ask("/new");
  expect(await modelOf()).toBe("scripted/two");
});

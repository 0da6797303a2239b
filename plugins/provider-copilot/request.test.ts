import { describe, expect, test } from "bun:test";
import type { Message } from "@pincer/plugin-sdk/message";
import { modelRequest, readStream, toolSpec, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, startCopilot } from "../../tests/fixtures/models/copilot.ts";

const ok = { steps: [{ text: ["ok"] }] };
const result: Message = {
  role: "toolResult",
  toolCallId: "a",
  toolName: "shot",
  content: [{ type: "text", text: "1" }],
  isError: false,
  timestamp: 3,
};

describe("what the API is told of whoever asks", () => {
  const headersFor = async (messages: readonly Message[], settings = {}) => {
    await using copilot = startCopilot({ copilot: settings });
    await copilot.ask(ok, {}, undefined, messages);
    return (await copilot.vendor.received(1)).headers;
  };

  test("an editor, an integration, and a request of its own", async () => {
    const headers = await headersFor([userMessage("hello")]);
    expect(headers.get("editor-version")).toMatch(/^Pincer\/\d/);
    expect(headers.get("copilot-integration-id")).toBe("vscode-chat");
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect((await headersFor([userMessage("hello")], { headers: { "Editor-Version": "Mine/2.0" } })).get("editor-version")).toBe(
      "Mine/2.0",
    );
  });

  test("who began: a person, or the agent on the way", async () => {
    const call: Message = { role: "assistant", content: [{ type: "toolCall", id: "a", name: "shot", arguments: {} }], timestamp: 2 };
    expect((await headersFor([userMessage("hello")])).get("x-initiator")).toBe("user");
    expect((await headersFor([userMessage("hello"), call, result])).get("x-initiator")).toBe("agent");
  });

  test("that there are images, of people or of tools", async () => {
    const image = { type: "image" as const, data: "QQ==", mimeType: "image/png" };
    expect((await headersFor([userMessage("hello")])).has("copilot-vision-request")).toBe(false);
    expect((await headersFor([{ role: "user", content: [image], timestamp: 1 }])).get("copilot-vision-request")).toBe("true");
    const call: Message = { role: "assistant", content: [{ type: "toolCall", id: "a", name: "shot", arguments: {} }], timestamp: 2 };
    const shown: Message = { ...result, content: [image] };
    expect((await headersFor([userMessage("look"), call, shown])).get("copilot-vision-request")).toBe("true");
  });
});

test("each level of thinking is what the model's entry in the list says that it takes", async () => {
  const sent = async (model: string, thinking: "off" | "minimal" | "medium" | "xhigh", maxOutputTokens?: number) => {
    await using copilot = startCopilot();
    await copilot.ask(ok, { thinking, ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }) }, `copilot/${model}`);
    const { body } = await copilot.vendor.received(1);
    expect(copilot.vendor.lists()).toBe(1);
    return body["reasoning_effort"] ?? body["thinking_budget"];
  };
  expect(await sent("gpt-test", "minimal")).toBe("low");
  expect(await sent("gpt-test", "xhigh")).toBe("high");
  expect(await sent("gpt-test", "off")).toBe("low");
  expect(await sent("claude-test", "medium")).toBe(8192);
  expect(await sent("claude-test", "xhigh", 8000)).toBe(6976);
  expect(await sent("claude-test", "medium", 1500)).toBeUndefined();
  expect(await sent("claude-test", "off")).toBeUndefined();
  expect(await sent("plain-test", "medium")).toBeUndefined();
});

test("a list that cannot be had keeps no request from being made", async () => {
  await using copilot = startCopilot();
  copilot.vendor.refuseLists(500);
  expect((await copilot.ask(ok)).answer.stopReason).toBe("stop");
  expect("reasoning_effort" in (await copilot.vendor.received(1)).body).toBe(false);
  copilot.vendor.refuseLists(200);
  await copilot.ask(ok);
  expect((await copilot.vendor.received(2)).body["reasoning_effort"]).toBe("low");
});

test("thinking goes back with its proof to the model that it is of, and to no other", async () => {
  await using copilot = startCopilot();
  const call = { toolCall: { id: "a", name: "shot", arguments: "{}" } };
  const tools = [toolSpec("shot")];
  const { answer } = await copilot.ask({ steps: [{ thinking: ["Let me ", "see."], signature: "proof" }, call] }, { tools });
  expect(answer.message.content[0]).toMatchObject({ type: "thinking", thinking: "Let me see." });
  const back = async (message: Message) => {
    copilot.vendor.answer(ok);
    await readStream(copilot.provider.stream(modelRequest("copilot/gpt-test", [userMessage("look"), message, result], { tools }), io));
    const messages = copilot.vendor.ledger.at(-1)?.body["messages"] as readonly Record<string, unknown>[];
    const said = messages.find(({ role }) => role === "assistant");
    return [said?.["reasoning_text"], said?.["reasoning_opaque"]];
  };
  expect(await back(answer.message)).toEqual(["Let me see.", "proof"]);
  expect(await back({ ...answer.message, model: "other" })).toEqual([undefined, undefined]);
  const sealed = await copilot.ask({ steps: [{ redacted: "sealed" }, call] }, { tools });
  expect(await back(sealed.answer.message)).toEqual([undefined, "sealed"]);
});

describe("endpoints", () => {
  test("without a token the endpoint is not ready and says how to sign in, and a call fails as auth without a request", async () => {
    await using copilot = startCopilot({ secrets: {} });
    const { endpoints } = await copilot.provider.endpoints({}, io);
    expect(endpoints).toEqual([
      {
        endpoint: "copilot",
        label: "GitHub Copilot",
        ready: false,
        detail:
          "sign in: pincer plugins enable failover, then pincer models auth login copilot:me; or set COPILOT_GITHUB_TOKEN in the environment, or: pincer secrets set COPILOT_GITHUB_TOKEN",
        defaultModel: "gpt-5-mini",
      },
    ]);
    expect((await copilot.stream()).answer).toMatchObject({ stopReason: "error", failure: { class: "auth" } });
    expect(copilot.github.asked).toEqual([]);
    expect(await copilot.provider.models({}, io)).toEqual({ models: [] });
  });

  test("the models are those that the account may use over this API, with Copilot's own limits", async () => {
    await using copilot = startCopilot();
    const { models } = await copilot.provider.models({ endpoint: "copilot" }, io);
    expect(models).toMatchObject([
      {
        ref: "copilot/gpt-test",
        name: "GPT-TEST",
        contextWindow: 200_000,
        maxOutputTokens: null,
        reasoning: true,
        vision: true,
        tools: true,
      },
      { ref: "copilot/claude-test", contextWindow: 144_000, maxOutputTokens: 16_000, reasoning: true },
      { ref: "copilot/plain-test", reasoning: false, vision: false, tools: false, price: null },
    ]);
    expect(models).toHaveLength(3);
    const { endpoints } = await copilot.provider.endpoints({}, io);
    expect(endpoints).toMatchObject([{ ready: true, defaultModel: "gpt-test" }]);
  });

  test("a request may name the token to use instead", async () => {
    await using copilot = startCopilot({ secrets: { COPILOT_GITHUB_TOKEN: "gho_own", AUTH_PROFILE_ME: "gho_me" } });
    await copilot.ask(ok, { credential: { type: "oauth", secret: "AUTH_PROFILE_ME" }, thinking: "off" });
    await copilot.ask(ok, { thinking: "off" });
    expect(new Set(copilot.github.asked)).toEqual(new Set(["gho_me", "gho_own"]));
    expect((await copilot.stream({ credential: { type: "oauth", secret: "GONE" } })).answer.failure?.class).toBe("auth");
    const probe = copilot.provider.probe as NonNullable<typeof copilot.provider.probe>;
    expect(await probe({ endpoint: "copilot", credential: { type: "token", secret: "AUTH_PROFILE_ME" } }, io)).toEqual({});
  });
});

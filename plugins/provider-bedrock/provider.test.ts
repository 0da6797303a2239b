import { describe, expect, test } from "bun:test";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { Message } from "@pincer/plugin-sdk/message";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { providerSuite, toolSpec, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { ask, MODEL, signedAt, startBedrock } from "../../tests/fixtures/bedrock.ts";
import { eventFrame, exceptionFrame, frame } from "../../tests/vendors/bedrock/event-stream.ts";
import { ACCOUNT, startBedrockVendor } from "../../tests/vendors/bedrock/server.ts";

type Json = Readonly<Record<string, unknown>>;

interface Sent {
  readonly messages: readonly { readonly role: string; readonly content: readonly Record<string, Json>[] }[];
  readonly system?: readonly Json[];
  readonly toolConfig?: { readonly tools: readonly Json[]; readonly toolChoice?: Json };
  readonly inferenceConfig: Json;
  readonly additionalModelRequestFields?: Record<string, Json>;
  readonly outputConfig?: { readonly textFormat?: { readonly structure: { readonly jsonSchema: { readonly schema: string } } } };
}
const sentIn = ({ body }: VendorCall) => body as unknown as Sent;
const blocksOf = (call: VendorCall) => sentIn(call).messages.flatMap(({ content }) => content);
const resultsOf = (call: VendorCall) => blocksOf(call).flatMap(({ toolResult }) => (toolResult ? [toolResult] : []));
const imagesIn = (blocks: readonly Record<string, Json>[]): string[] =>
  blocks.flatMap(({ image, toolResult }) => {
    if (image) return [(image["source"] as { bytes: string }).bytes];
    return toolResult ? imagesIn(toolResult["content"] as Record<string, Json>[]) : [];
  });

providerSuite({
  name: "provider-bedrock",
  speaksBytes: true,
  startVendor: startBedrockVendor,
  startPlugin: (origin, options, idleTimeoutMs) =>
    startPlugin(import.meta.dir, { ...options, config: { idleTimeoutMs }, secrets: signedAt(origin) }),
  model: MODEL,
  signs: true,
  failures: [
    { title: "a key that may not", error: { status: 403, message: "You are not authorized to perform this operation" }, class: "auth" },
    {
      title: "a token that ended",
      error: { status: 403, code: "ExpiredTokenException", message: "The security token included in the request is expired" },
      class: "auth",
    },
    {
      title: "a model that the account has no access to",
      error: { status: 403, message: "You don't have access to the model with the specified model ID." },
      class: "unknown",
    },
    {
      title: "an account that cannot pay",
      error: { status: 403, message: "Model access is denied due to INVALID_PAYMENT_INSTRUMENT" },
      class: "billing",
    },
    {
      title: "too many tokens in too little time",
      error: { status: 429, message: "Too many tokens, please wait before trying again.", headers: { "retry-after": "7" } },
      class: "rate-limit",
      retryAfterMs: 7000,
    },
    {
      title: "a quota of the account",
      error: { status: 400, code: "ServiceQuotaExceededException", message: "The request exceeds the service quota of your account" },
      class: "rate-limit",
    },
    {
      title: "a model that is not loaded yet",
      error: { status: 429, code: "ModelNotReadyException", message: "The model is not ready for inference" },
      class: "overloaded",
    },
    {
      title: "a vendor that is unavailable",
      error: { status: 503, message: "Bedrock is unable to process your request" },
      class: "overloaded",
    },
    { title: "a model that timed out", error: { status: 408, message: "The model took too long" }, class: "timeout" },
    { title: "a model that broke", error: { status: 424, message: "An error occurred while processing the model" }, class: "network" },
    { title: "a fault at the vendor", error: { status: 500, message: "An internal server error occurred" }, class: "network" },
    {
      title: "a conversation that is too long",
      error: { status: 400, message: "Input is too long for requested model." },
      class: "context-overflow",
    },
    {
      title: "a conversation that leaves no room for its answer",
      error: {
        status: 400,
        message: "The model returned the following errors: input length and `max_tokens` exceed context limit: 190000 + 20000",
      },
      class: "context-overflow",
    },
    { title: "an image that cannot be used", error: { status: 400, message: "Could not process image" }, class: "image" },
    {
      title: "a bad request",
      error: { status: 400, message: "The model returned the following errors: unknown field" },
      class: "bad-request",
    },
    {
      title: "a model that does not exist",
      error: { status: 404, message: "The provided model identifier is invalid." },
      class: "bad-request",
    },
  ],
  sent: {
    images: (call) => imagesIn(blocksOf(call)),
    documents: (call) => blocksOf(call).flatMap(({ document }) => (document ? [(document["source"] as { bytes: string }).bytes] : [])),
    toolResult: (call, id) => {
      const result = resultsOf(call).find(({ toolUseId }) => toolUseId === id);
      return result && JSON.stringify(result["content"]);
    },
    signatures: (call) =>
      blocksOf(call).flatMap(({ reasoningContent }) => {
        if (!reasoningContent) return [];
        const { reasoningText, redactedContent } = reasoningContent as { reasoningText?: { signature: string }; redactedContent?: string };
        return [reasoningText ? reasoningText.signature : Buffer.from(redactedContent ?? "", "base64").toString()];
      }),
    shape: (call) => {
      const { toolConfig, inferenceConfig, additionalModelRequestFields: fields, outputConfig } = sentIn(call);
      const choice = toolConfig?.toolChoice;
      const named = choice?.["tool"] as { name: string } | undefined;
      const kind = choice && "any" in choice ? "required" : choice && "auto" in choice ? "auto" : undefined;
      const parallel = fields?.["tool_choice"]?.["disable_parallel_tool_use"];
      const schema = outputConfig?.textFormat?.structure.jsonSchema.schema;
      return {
        toolChoice: toolConfig === undefined ? "none" : (named?.name ?? kind),
        parallelTools: parallel === undefined ? undefined : !parallel,
        schema: schema && JSON.parse(schema),
        stop: inferenceConfig["stopSequences"] as string[] | undefined,
        thinking: fields?.["thinking"] !== undefined,
      };
    },
  },
});

const called = (...ids: string[]): Message => ({
  role: "assistant",
  content: ids.map((id) => ({ type: "toolCall", id, name: "files_read", arguments: { path: id } })),
  timestamp: 2,
});
const returned = (toolCallId: string, isError = false): Message => ({
  role: "toolResult",
  toolCallId,
  toolName: "files_read",
  content: [{ type: "text", text: `contents of ${toolCallId}` }],
  isError,
  timestamp: 3,
});

describe("what Bedrock is asked", () => {
  const requestFor = async (more: Partial<ModelRequest>, messages?: Message[]) => {
    await using fixture = await startBedrock();
    fixture.vendor.answer({ steps: [{ text: ["ok"] }] });
    await ask(fixture, more, messages);
    return fixture.vendor.received(1);
  };

  test("the model stands in the path, as an id or an ARN, and what is signed is what is sent", async () => {
    expect((await requestFor({})).path).toBe("/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream");
    const arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
    const call = await requestFor({ model: `bedrock/${arn}` });
    expect(call.path).toBe(`/model/${encodeURIComponent(arn)}/converse-stream`);
    expect(call.headers.get("authorization")).toStartWith(`AWS4-HMAC-SHA256 Credential=${ACCOUNT.accessKeyId}/`);
    expect(call.headers.get("authorization")).toContain("/us-east-1/bedrock/aws4_request");
  });

  test("a secret that is another one is refused by the vendor, and told as auth", async () => {
    await using vendor = startBedrockVendor();
    await using fixture = await startBedrock({ secrets: { ...signedAt(vendor.origin), AWS_SECRET_ACCESS_KEY: "wrong" } });
    const { answer } = await ask(fixture);
    expect(answer).toMatchObject({ stopReason: "error", failure: { class: "auth", status: 403 } });
    expect(answer.failure?.message).toContain("signature we calculated does not match");
  });

  test("at most four cache points: the tools, the stable prefix, and the last two turns of the user", async () => {
    const turn = (text: string): Message[] => [userMessage(text), { role: "assistant", content: [{ type: "text", text }], timestamp: 2 }];
    const request = {
      system: [{ text: "who you are", cache: true }, { text: "your files", cache: true }, { text: "the time" }],
      tools: [toolSpec("files_list"), toolSpec("files_read")],
    };
    const messages = [...turn("one"), ...turn("two"), userMessage("three")];
    const sent = sentIn(await requestFor(request, messages));
    const isPoint = (block: object | undefined) => block !== undefined && "cachePoint" in block;
    expect(sent.toolConfig?.tools.map(isPoint)).toEqual([false, false, true]);
    expect(sent.system?.map(isPoint)).toEqual([false, false, true, false]);
    expect(sent.messages.map(({ content }) => isPoint(content.at(-1)))).toEqual([false, false, true, false, true]);
    const nova = sentIn(await requestFor({ ...request, model: "bedrock/us.amazon.nova-pro-v1:0" }, messages));
    expect([nova.toolConfig?.tools.some(isPoint), nova.system?.some(isPoint)]).toEqual([false, true]);
    const asking = [...messages, called("a"), returned("a")];
    const last = async (model: string) =>
      isPoint(
        sentIn(await requestFor({ ...request, model }, asking))
          .messages.at(-1)
          ?.content.at(-1),
      );
    expect([await last(MODEL), await last("bedrock/us.amazon.nova-pro-v1:0")]).toEqual([true, false]);
    const llama = await requestFor({ ...request, model: "bedrock/us.meta.llama4-scout-17b-instruct-v1:0" }, messages);
    expect(JSON.stringify(llama.body)).not.toContain("cachePoint");
  });

  test("results of parallel calls are one turn of the user, and a failure says so", async () => {
    const messages = [userMessage("read"), called("a", "b"), returned("b", true), returned("a")];
    const call = await requestFor({ tools: [toolSpec("files_read")] }, messages);
    expect(sentIn(call).messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(resultsOf(call).map(({ toolUseId, status }) => [toolUseId, status])).toEqual([
      ["a", undefined],
      ["b", "error"],
    ]);
  });

  test("documents have names of their own that Bedrock allows, and words beside them; what it cannot open is told", async () => {
    const document = (mimeType: string, name?: string) => ({
      type: "document" as const,
      data: "JVBERi0=",
      mimeType,
      ...(name && { name }),
    });
    const messages: Message[] = [
      { role: "user", content: [document("application/pdf", "Letter_of 3.5.pdf"), document("text/csv")], timestamp: 1 },
      { role: "assistant", content: [{ type: "text", text: "Read." }], timestamp: 2 },
      { role: "user", content: [document("application/pdf", "Letter_of 3.5.pdf"), document("application/zip", "a.zip")], timestamp: 3 },
    ];
    const blocks = blocksOf(await requestFor({ model: "bedrock/us.meta.llama4-scout-17b-instruct-v1:0" }, messages));
    expect(blocks.flatMap(({ document: one }) => (one ? [[one["format"], one["name"]]] : []))).toEqual([
      ["pdf", "Letter of 3 5 pdf"],
      ["csv", "document"],
      ["pdf", "Letter of 3 5 pdf (2)"],
    ]);
    expect(blocks.flatMap(({ text }) => (text === undefined ? [] : [String(text)]))).toEqual([
      "[A document.]",
      "Read.",
      "[a document, a.zip (application/zip), which this model cannot read]",
    ]);
  });

  test("where no tools are offered, what was called is told in words, as Bedrock refuses calls of tools that it does not know", async () => {
    const messages = [userMessage("read"), called("a"), returned("a"), called("b"), returned("b", true)];
    for (const more of [{}, { tools: [toolSpec("files_read")], toolChoice: "none" as const }]) {
      const call = await requestFor(more, messages);
      expect(sentIn(call).toolConfig).toBeUndefined();
      expect(JSON.stringify(call.body)).not.toMatch(/toolUse|toolResult/);
      const texts = blocksOf(call).flatMap(({ text }) => (text === undefined ? [] : [text]));
      expect(texts.map(String)).toEqual([
        "read",
        '[Called files_read with {"path":"a"}]',
        "[files_read returned:]",
        "contents of a",
        '[Called files_read with {"path":"b"}]',
        "[files_read failed:]",
        "contents of b",
      ]);
    }
  });

  test("each level of thinking is what the model understands", async () => {
    const sent = async (model: string, thinking: ModelRequest["thinking"], more: Partial<ModelRequest> = {}) => {
      const { additionalModelRequestFields, outputConfig } = sentIn(await requestFor({ ...more, model: `bedrock/${model}`, thinking }));
      return [additionalModelRequestFields, (outputConfig as Json | undefined)?.["effort"]];
    };
    const adaptive = { thinking: { type: "adaptive", display: "summarized" } };
    expect(await sent("global.anthropic.claude-sonnet-5", "medium")).toEqual([adaptive, "medium"]);
    expect(await sent("eu.anthropic.claude-opus-4-6-v1", "xhigh")).toEqual([adaptive, "high"]);
    expect(await sent("us.anthropic.claude-opus-4-7", "off")).toEqual([{ thinking: { type: "disabled" } }, undefined]);
    expect(await sent("anthropic.claude-fable-5-1", "off")).toEqual([adaptive, "low"]);
    const budget = (budget_tokens: number) => [{ thinking: { type: "enabled", budget_tokens } }, undefined];
    expect(await sent("us.anthropic.claude-haiku-4-5-20251001-v1:0", "medium")).toEqual(budget(8192));
    expect(await sent("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "minimal")).toEqual(budget(1024));
    expect(await sent("us.anthropic.claude-sonnet-4-20250514-v1:0", "off")).toEqual([undefined, undefined]);
    expect(await sent("anthropic.claude-3-haiku-20240307-v1:0", "high")).toEqual([undefined, undefined]);
    expect(await sent("us.amazon.nova-2-lite-v1:0", "low")).toEqual([
      { reasoningConfig: { type: "enabled", maxReasoningEffort: "low" } },
      undefined,
    ]);
    expect(await sent("us.amazon.nova-2-lite-v1:0", "off")).toEqual([{ reasoningConfig: { type: "disabled" } }, undefined]);
    expect(await sent("openai.gpt-oss-120b-1:0", "xhigh")).toEqual([{ reasoning_effort: "high" }, undefined]);
    expect(await sent("us.meta.llama4-scout-17b-instruct-v1:0", "high")).toEqual([undefined, undefined]);
    // Thinking and a tool that must be called rule each other out.
    const forced = { tools: [toolSpec("now")], toolChoice: "required" as const };
    expect(await sent("us.anthropic.claude-haiku-4-5-20251001-v1:0", "medium", forced)).toEqual([undefined, undefined]);
    expect(await sent("us.anthropic.claude-sonnet-5", undefined, forced)).toEqual([{ thinking: { type: "disabled" } }, undefined]);
    // What always thinks is asked for the call in words.
    expect(await sent("us.anthropic.claude-opus-5-5", "medium", forced)).toEqual([adaptive, "medium"]);
    const asked = sentIn(await requestFor({ ...forced, model: "bedrock/us.anthropic.claude-sonnet-5-5", thinking: "off" }));
    expect(asked.toolConfig?.toolChoice).toEqual({ auto: {} });
    expect(JSON.stringify(asked.system)).toContain("with a call of one of the tools");
    expect(asked.additionalModelRequestFields).toEqual({ thinking: { type: "between_tools" } });
  });

  test("how long an answer may be is said to Claude, thinking included, and to others when somebody asks", async () => {
    const sent = async (model: string, more: Partial<ModelRequest> = {}) => {
      const { inferenceConfig, additionalModelRequestFields } = sentIn(await requestFor({ ...more, model: `bedrock/${model}` }));
      return [inferenceConfig["maxTokens"], additionalModelRequestFields?.["thinking"]?.["budget_tokens"]];
    };
    expect(await sent("us.anthropic.claude-sonnet-4-5-20250929-v1:0")).toEqual([32_000, 2048]);
    expect(await sent("us.anthropic.claude-sonnet-4-5-20250929-v1:0", { thinking: "xhigh", maxOutputTokens: 4096 })).toEqual([4096, 3072]);
    expect(await sent("anthropic.claude-3-haiku-20240307-v1:0")).toEqual([4096, undefined]);
    expect(await sent("us.meta.llama4-scout-17b-instruct-v1:0")).toEqual([undefined, undefined]);
    expect(await sent("us.meta.llama4-scout-17b-instruct-v1:0", { maxOutputTokens: 500 })).toEqual([500, undefined]);
    expect(await sent("us.amazon.nova-2-lite-v1:0", { thinking: "high", maxOutputTokens: 500 })).toEqual([undefined, undefined]);
  });

  test("JSON without a schema is asked for in words; what a model does not know is left out", async () => {
    const wishes = {
      responseFormat: { type: "json" as const },
      seed: 7,
      topP: 0.5,
      temperature: 0.2,
      presencePenalty: 1,
      stop: [" ", "END"],
    };
    const claude = await requestFor(wishes);
    expect(JSON.stringify(sentIn(claude).system)).toContain("one JSON object");
    expect(sentIn(claude).inferenceConfig).toEqual({ maxTokens: 32_000, stopSequences: ["END"] });
    const llama = await requestFor({ ...wishes, model: "bedrock/us.meta.llama4-scout-17b-instruct-v1:0" });
    expect(sentIn(llama).inferenceConfig).toEqual({ topP: 0.5, temperature: 0.2, stopSequences: ["END"] });
  });

  test("one call at a time is asked of Claude alone, once and not twice", async () => {
    const tools = [toolSpec("now")];
    const sent = async (more: Partial<ModelRequest>) =>
      sentIn(await requestFor({ tools, parallelTools: false, ...more })).additionalModelRequestFields?.["tool_choice"];
    expect(await sent({})).toEqual({ type: "auto", disable_parallel_tool_use: true });
    expect(await sent({ toolChoice: "required" })).toEqual({ disable_parallel_tool_use: true });
    expect(await sent({ toolChoice: "none" })).toBeUndefined();
    expect(await sent({ model: "bedrock/us.amazon.nova-pro-v1:0" })).toBeUndefined();
  });

  test("an endpoint's guardrail goes along, and what it stops is told as stopped by it", async () => {
    await using fixture = await startBedrock({
      config: { endpoints: { bedrock: { guardrail: { id: "gr-1", version: "2", mode: "async" } } } },
    });
    fixture.vendor.answer({ steps: [{ text: ["Sorry, I cannot."] }], stop: "guardrail_intervened" as "stop" });
    const { answer } = await ask(fixture);
    expect(answer).toMatchObject({
      stopReason: "refusal",
      failure: { class: "refusal", message: "a guardrail of Bedrock stopped the answer" },
    });
    expect(answer.message.content).toEqual([{ type: "text", text: "Sorry, I cannot." }]);
    const { guardrailConfig } = (await fixture.vendor.received(1)).body;
    expect(guardrailConfig).toEqual({ guardrailIdentifier: "gr-1", guardrailVersion: "2", streamProcessingMode: "async" });
  });
});

describe("what Bedrock answers", () => {
  const answered = async (...script: readonly VendorAnswer[]) => {
    await using fixture = await startBedrock();
    fixture.vendor.answer(...script);
    return await ask(fixture, { tools: [toolSpec("files_read")] });
  };
  const raw = async (...frames: readonly Buffer[]) => {
    const { events, answer } = await answered({ raw: frames.map((bytes) => `bytes:${bytes.toString("base64")}`) });
    return { text: events.map((event) => (event.type === "text" ? event.delta : "")).join(""), answer };
  };
  const delta = (text: string) => eventFrame("contentBlockDelta", JSON.stringify({ contentBlockIndex: 0, delta: { text } }));
  const stop = eventFrame("messageStop", '{"stopReason":"end_turn"}');

  test("each reason to stop", async () => {
    const reason = async (stop: string) => {
      const { answer } = await answered({ steps: [{ text: ["so far"] }], stop: stop as "stop" });
      return [answer.stopReason, answer.failure?.class];
    };
    expect(await reason("stop_sequence")).toEqual(["stop", undefined]);
    expect(await reason("model_context_window_exceeded")).toEqual(["length", undefined]);
    expect(await reason("malformed_tool_use")).toEqual(["error", "unknown"]);
    expect(await reason("malformed_model_output")).toEqual(["error", "unknown"]);
    expect(await reason("something_new")).toEqual(["stop", undefined]);
  });

  test("frames that come together, and a character that two pieces share, are read as they were meant", async () => {
    const joined = Buffer.concat([delta("Gr"), delta("üße"), stop]);
    expect((await raw(joined)).text).toBe("Grüße");
    for (const at of [3, 7, 11, 13, 40, joined.length - stop.length - 6, joined.length - 1]) {
      const { text, answer } = await raw(joined.subarray(0, at), joined.subarray(at));
      expect([at, text, answer.stopReason]).toEqual([at, "Grüße", "stop"]);
    }
  });

  test("a frame that is damaged or cut off ends the answer with what had come", async () => {
    const spoilt = (frame: Buffer, change: (copy: Buffer) => void) => {
      const copy = Buffer.from(frame);
      change(copy);
      return copy;
    };
    const cases: Readonly<Record<string, Buffer>> = {
      "a checksum of the whole": spoilt(delta("bad"), (copy) => copy.writeUInt32BE(7, copy.length - 4)),
      "a checksum of the prelude": spoilt(delta("bad"), (copy) => copy.writeUInt32BE(7, 8)),
      "a byte of the payload": spoilt(delta("bad"), (copy) => copy.writeUInt8(copy.readUInt8(copy.length - 8) ^ 1, copy.length - 8)),
      "no length at all": spoilt(delta("bad"), (copy) => copy.writeUInt32BE(0, 0)),
      "more headers than frame": spoilt(delta("bad"), (copy) => copy.writeUInt32BE(60_000, 4)),
      "half a frame": delta("bad").subarray(0, 30),
      "no JSON": eventFrame("contentBlockDelta", "{this is no JSON"),
      "no type": frame({ ":content-type": "application/json" }, "{}"),
    };
    for (const [title, bytes] of Object.entries(cases)) {
      const { text, answer } = await raw(delta("good"), bytes);
      expect([title, text, answer.stopReason, answer.failure?.class]).toEqual([title, "good", "error", "network"]);
    }
  });

  test("an exception in the middle of a stream is what it says, with the text that had come", async () => {
    const failure = async (type: string, fields: Json) => {
      const { text, answer } = await raw(delta("so far"), exceptionFrame(type, JSON.stringify(fields)), delta("never"));
      expect([text, answer.stopReason]).toEqual(["so far", "error"]);
      return [answer.failure?.class, answer.failure?.message];
    };
    expect(await failure("throttlingException", { message: "Too many tokens, please wait" })).toEqual([
      "rate-limit",
      "Too many tokens, please wait",
    ]);
    expect(await failure("validationException", { message: "Input is too long for requested model." })).toEqual([
      "context-overflow",
      "Input is too long for requested model.",
    ]);
    const broken = { message: "The model broke", originalMessage: "out of memory", originalStatusCode: 500 };
    expect(await failure("modelStreamErrorException", broken)).toEqual(["network", "out of memory"]);
    expect((await failure("internalServerException", { message: "oops" }))[0]).toBe("network");
    expect((await failure("somethingNewException", { message: "hm" }))[0]).toBe("network");
    const error = frame({ ":message-type": "error", ":error-code": "InternalServerException", ":error-message": "gone" }, "");
    expect((await raw(delta("so far"), error)).answer.failure).toMatchObject({ class: "network", message: "gone" });
  });

  test("a model that calls tools in an answer of one piece alone is asked for that", async () => {
    const message = "This model doesn't support tool use in streaming mode.";
    const steps = [{ text: ["Looking."] }, { toolCall: { id: "call_a", name: "files_read", arguments: '{"path":"a"}' } }];
    await using fixture = await startBedrock();
    fixture.vendor.answer({ error: { status: 400, message } }, { steps, usage: { input: 7, output: 3, cacheRead: 2 } });
    const { events, answer } = await ask(fixture, { tools: [toolSpec("files_read")] });
    expect(events.map(({ type }) => type)).toEqual(["text", "tool-call"]);
    expect(answer.message.content).toEqual([
      { type: "text", text: "Looking." },
      { type: "toolCall", id: "call_a", name: "files_read", arguments: { path: "a" } },
    ]);
    expect([answer.stopReason, answer.usage.input, answer.usage.cacheRead]).toEqual(["toolUse", 7, 2]);
    expect((await fixture.vendor.received(2)).path).toEndWith("/converse");
  });
});

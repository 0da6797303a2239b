import { describe, expect, test } from "bun:test";
import { sse } from "@pincer/plugin-sdk/testing/scripted-vendor";
import { io, startGemini } from "../../tests/fixtures/models/gemini.ts";
import { startGeminiVendor } from "../../tests/vendors/gemini/server.ts";

type Json = Readonly<Record<string, unknown>>;
const chunk = (candidate: Json, more: Json = {}) => sse({ candidates: [{ index: 0, ...candidate }], ...more });
const part = (one: Json, more: Json = {}) => chunk({ content: { role: "model", parts: [one] } }, more);

/** Events as the vendor would write them, in place of a script. */
async function answerOf(...raw: readonly string[]) {
  await using gemini = startGemini();
  return await gemini.ask({ raw });
}

describe("why an answer ended", () => {
  const ended = async (finishReason: string, finishMessage?: string) => {
    const { answer } = await answerOf(part({ text: "so far" }), chunk({ finishReason, ...(finishMessage && { finishMessage }) }));
    expect(answer.message.content).toEqual([{ type: "text", text: "so far" }]);
    return [answer.stopReason, answer.failure?.class];
  };

  test("at its end or its limit", async () => {
    expect(await ended("STOP")).toEqual(["stop", undefined]);
    expect(await ended("MAX_TOKENS")).toEqual(["length", undefined]);
  });

  test("by a refusal, whatever its reason is called", async () => {
    for (const reason of ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"])
      expect([reason, ...(await ended(reason))]).toEqual([reason, "refusal", "refusal"]);
  });

  test("by a fault of the model, of which the vendor's own words are told", async () => {
    const { answer } = await answerOf(
      chunk({ finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: "Malformed function call: print(default_api.shot(" }),
    );
    expect(answer).toMatchObject({ stopReason: "error", failure: { class: "unknown" }, message: { content: [] } });
    expect(answer.failure?.message).toBe(
      "google/gemini-3.8-flash stopped: MALFORMED_FUNCTION_CALL (Malformed function call: print(default_api.shot()",
    );
    expect(await ended("MISSING_THOUGHT_SIGNATURE")).toEqual(["error", "bad-request"]);
    expect(await ended("A_REASON_OF_TOMORROW")).toEqual(["error", "unknown"]);
    expect(await ended("constructor")).toEqual(["error", "unknown"]);
  });

  test("before it began: the vendor refuses the request itself", async () => {
    const { answer } = await answerOf(
      sse({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata: { promptTokenCount: 7 } }),
    );
    expect(answer).toMatchObject({ stopReason: "refusal", failure: { class: "refusal" }, usage: { input: 7 } });
    expect(answer.failure?.message).toBe("the vendor refused the request (PROHIBITED_CONTENT)");
  });

  test("by an error inside the stream, which has no status of its own", async () => {
    const { answer } = await answerOf(
      part({ text: "so far" }),
      sse({ error: { code: 429, message: "Resource has been exhausted.", status: "RESOURCE_EXHAUSTED" } }),
    );
    expect(answer.failure).toEqual({ class: "rate-limit", message: "Resource has been exhausted." });
  });
});

test("a call has the id that it came with, or one of its own; it may come without arguments", async () => {
  const { answer } = await answerOf(
    part({ functionCall: { name: "now" } }),
    part({ functionCall: { name: "shot", id: "given", args: { a: 1 } } }),
    chunk({ finishReason: "STOP" }),
  );
  expect(answer.stopReason).toBe("toolUse");
  expect(answer.message.content).toEqual([
    { type: "toolCall", id: expect.stringMatching(/^call_/), name: "now", arguments: {} },
    { type: "toolCall", id: "given", name: "shot", arguments: { a: 1 } },
  ]);
});

test("text goes on in its block around a part that only carries a signature, and begins anew behind a call", async () => {
  const { events, answer } = await answerOf(
    part({ text: "one " }),
    part({ text: "", thoughtSignature: "proof" }),
    part({ text: "two" }),
    part({ functionCall: { name: "now", id: "a" } }),
    part({ text: "three" }),
    chunk({ finishReason: "STOP" }),
  );
  expect(events.map((event) => [event.index, event.type])).toEqual([
    [0, "text"],
    [0, "text"],
    [2, "tool-call"],
    [3, "text"],
  ]);
  expect(answer.message.content).toMatchObject([
    { text: "one two" },
    { type: "thinking", signature: "text:proof", redacted: true },
    { type: "toolCall" },
    { text: "three" },
  ]);
});

test("usage counts thinking as output, and what the vendor cached by itself apart", async () => {
  const usageMetadata = {
    ...{ promptTokenCount: 5000, cachedContentTokenCount: 4096, candidatesTokenCount: 20, thoughtsTokenCount: 300 },
    ...{ toolUsePromptTokenCount: 10, totalTokenCount: 5330 },
  };
  const { answer } = await answerOf(chunk({ finishReason: "STOP" }, { usageMetadata }));
  expect(answer.usage).toEqual({ input: 914, output: 320, cacheRead: 4096, cacheWrite: 0, totalTokens: 5330, cost: null });
});

test("probabilities of tokens come with the text that they are of", async () => {
  const logprobsResult = {
    chosenCandidates: [{ token: "Yes", tokenId: 1, logProbability: -0.1 }],
    topCandidates: [
      {
        candidates: [
          { token: "Yes", logProbability: -0.1 },
          { token: "No", logProbability: -2.5 },
        ],
      },
    ],
  };
  const { events } = await answerOf(
    chunk({ content: { role: "model", parts: [{ text: "Yes" }] }, logprobsResult }),
    chunk({ finishReason: "STOP" }),
  );
  const top = [
    { token: "Yes", logprob: -0.1, bytes: null },
    { token: "No", logprob: -2.5, bytes: null },
  ];
  expect(events).toEqual([{ type: "text", index: 0, delta: "Yes", logprobs: [{ token: "Yes", logprob: -0.1, bytes: null, top }] }]);
});

describe("embeddings", () => {
  const embed = async (model: string, input: readonly string[], more: Json = {}) => {
    await using gemini = startGemini();
    return await (gemini.provider.embed as NonNullable<typeof gemini.provider.embed>)({ model, input: [...input], ...more }, io);
  };

  test("texts become vectors in their order, more than the API takes at once too", async () => {
    const texts = Array.from({ length: 230 }, (_, at) => "x".repeat(at % 7));
    const { embeddings, usage, failure } = await embed("google/gemini-embedding-001", texts);
    expect(failure).toBeUndefined();
    expect(embeddings.map(([length]) => (length as number) * 64)).toEqual(texts.map(({ length }) => length));
    expect(embeddings[229]).toEqual([5 / 64, 29]);
    expect(usage.input).toBe(230);
    expect((await embed("google/gemini-embedding-001", ["abc"], { dimensions: 1 })).embeddings).toEqual([[3 / 64]]);
  });

  test("what the vendor refuses is told with its class", async () => {
    expect(await embed("google/limited", ["a"])).toMatchObject({ embeddings: [], failure: { class: "rate-limit", retryAfterMs: 3500 } });
    expect(await embed("nowhere/model", ["a"])).toMatchObject({ failure: { class: "bad-request" } });
  });
});

test("a key that the vendor does not know fails as auth, asked for a list as for an answer", async () => {
  const probeWith = async (GEMINI_API_KEY: string) => {
    await using vendor = startGeminiVendor();
    await using gemini = startGemini({ secrets: { GEMINI_API_KEY, GOOGLE_GEMINI_BASE_URL: vendor.origin } });
    return await (gemini.provider.probe as NonNullable<typeof gemini.provider.probe>)({ endpoint: "google" }, io);
  };
  expect(await probeWith("AIza-good")).toEqual({});
  expect(await probeWith("misspelt")).toMatchObject({ failure: { class: "auth", status: 400 } });
});

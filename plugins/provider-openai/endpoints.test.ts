import { describe, expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { modelRequest, readStream, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import { Value } from "@sinclair/typebox/value";
import { startOpenAiVendor } from "../../tests/vendors/openai/server.ts";
import { OpenAiConfig } from "./config.ts";
import { createOpenAiProvider } from "./provider.ts";

type Json = Readonly<Record<string, unknown>>;

const io = { signal: new AbortController().signal };
/** Nothing listens there. */
const NOWHERE = "http://127.0.0.1:9";

function start(secrets: Readonly<Record<string, string>>, config: Json = {}) {
  const clock = createManualClock();
  const provider = createOpenAiProvider({
    config: Value.Parse(OpenAiConfig, config),
    clock,
    fetch,
    secret: async (name) => secrets[name],
  });
  const status = async (endpoint: string) => (await provider.endpoints({}, io)).endpoints.find((one) => one.endpoint === endpoint);
  return { provider, clock, status };
}

describe("an endpoint's status", () => {
  test("without anything it says what it needs", async () => {
    const { provider } = start({});
    expect((await provider.endpoints({}, io)).endpoints).toEqual([
      {
        endpoint: "openai",
        label: "OpenAI",
        ready: false,
        detail: "set OPENAI_API_KEY in the environment, or: pincer secrets set OPENAI_API_KEY",
        defaultModel: "gpt-6.1-sol",
      },
    ]);
  });

  test("a key makes OpenAI ready, over Responses, without a request", async () => {
    const { status } = start({ OPENAI_API_KEY: "sk-test" });
    const mark = expect.any(String);
    expect(await status("openai")).toEqual({
      endpoint: "openai",
      label: "OpenAI",
      ready: true,
      defaultModel: "gpt-6.1-sol",
      credential: mark,
    });
  });

  test("another key is another mark, which tells nothing of it", async () => {
    const secrets = { OPENAI_API_KEY: "sk-test" };
    const { status } = start(secrets);
    const mark = async () => (await status("openai"))?.credential;
    const first = await mark();
    expect(await mark()).toBe(first);
    expect(first).not.toContain("sk-");
    secrets.OPENAI_API_KEY = "sk-other";
    expect(await mark()).not.toBe(first);
  });

  test("OPENAI_BASE_URL leads elsewhere: no key is needed, the server's own first model is the default, Chat Completions is spoken", async () => {
    await using vendor = startOpenAiVendor({ models: [{ id: "first", max_model_len: 32_768 }, { id: "second" }] });
    const { provider, status } = start({ OPENAI_BASE_URL: `${vendor.origin}/v1/` });
    expect(await status("openai")).toEqual({ endpoint: "openai", label: "OpenAI", ready: true, defaultModel: "first", local: true });
    expect((await provider.models({ endpoint: "openai" }, io)).models.map(({ ref, contextWindow }) => [ref, contextWindow])).toEqual([
      ["openai/first", 32_768],
      ["openai/second", null],
    ]);
    vendor.answer({ steps: [{ text: ["ok"] }] });
    await readStream(provider.stream(modelRequest("openai/first", [userMessage("hello")]), io));
    expect((await vendor.received(1)).path).toBe("/v1/chat/completions");
  });

  test("a server that hangs is given up after the set time", async () => {
    const asked = Promise.withResolvers<void>();
    await using server = serveHttp(() => asked.resolve());
    const { clock, status } = start({}, { endpoints: { lab: { baseUrl: `${server.origin}/v1` } } });
    const answer = status("lab");
    await asked.promise;
    await clock.advance(400);
    expect(await answer).toMatchObject({ ready: false });
    expect(clock.timers).toBe(0);
  });

  test("a finding is kept for a while, also that nobody is there, and many callers ask once", async () => {
    let asked = 0;
    await using server = serveHttp((exchange) => {
      asked++;
      exchange.send(200, JSON.stringify({ data: [{ id: "one" }] }));
    });
    const { clock, status } = start({}, { endpoints: { lab: { baseUrl: `${server.origin}/v1` } } });
    await Promise.all([status("lab"), status("lab"), status("lab")]);
    expect(asked).toBe(1);
    await clock.advance(30_000);
    expect(await status("lab")).toEqual({ endpoint: "lab", label: "lab", ready: true, defaultModel: "one", local: true });
    expect(asked).toBe(2);
  });

  test("a server that was slow is asked again behind the back of whoever waits", async () => {
    const answers: (() => void)[] = [];
    const asked: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
    await using server = serveHttp((exchange) => {
      const id = `model-${answers.length + 1}`;
      answers.push(() => exchange.send(200, JSON.stringify({ data: [{ id }] })));
      asked[answers.length - 1]?.resolve();
    });
    const { clock, status } = start({}, { endpoints: { lab: { baseUrl: `${server.origin}/v1` } } });
    const first = status("lab");
    await asked[0]?.promise;
    await clock.advance(200);
    answers[0]?.();
    expect(await first).toMatchObject({ ready: true, defaultModel: "model-1" });
    await clock.advance(30_000);
    expect(await status("lab")).toMatchObject({ defaultModel: "model-1" });
    await asked[1]?.promise;
    expect(await status("lab")).toMatchObject({ defaultModel: "model-1" });
    expect(answers).toHaveLength(2);
  });

  test("a server of one's own whose key was not found is not ready, and says which", async () => {
    const { status, provider } = start({}, { endpoints: { lab: { baseUrl: `${NOWHERE}/v1`, key: { secret: "LAB_KEY" } }, empty: {} } });
    expect(await status("lab")).toMatchObject({ ready: false, detail: "set LAB_KEY in the environment, or: pincer secrets set LAB_KEY" });
    expect(await status("empty")).toMatchObject({ ready: false, detail: "set endpoints.empty.baseUrl" });
    const { answer } = await readStream(provider.stream(modelRequest("lab/x", [userMessage("hello")]), io));
    expect(answer).toMatchObject({ stopReason: "error", failure: { class: "auth" } });
  });

  test("a request may name the credential to use instead, and one that is not there is told as such", async () => {
    await using vendor = startOpenAiVendor();
    const { provider } = start({ SECOND: "second-key" }, { endpoints: { lab: { baseUrl: `${vendor.origin}/v1`, key: "first-key" } } });
    vendor.answer({ steps: [{ text: ["ok"] }] });
    await readStream(
      provider.stream(modelRequest("lab/x", [userMessage("hello")], { credential: { type: "api-key", secret: "SECOND" } }), io),
    );
    expect((await vendor.received(1)).headers.get("authorization")).toBe("Bearer second-key");
    const gone = modelRequest("lab/x", [userMessage("hello")], { credential: { type: "token", secret: "AUTH_PROFILE_GONE" } });
    expect((await readStream(provider.stream(gone, io))).answer.failure).toEqual({
      class: "auth",
      message: "no key for lab: its credential is not there any more; add it again: pincer models auth add",
    });
    expect(vendor.ledger).toHaveLength(1);
  });
});

describe("lists of models", () => {
  test("OpenAI's list holds what can hold a conversation", async () => {
    const ids = [
      "gpt-6.1-sol",
      "text-embedding-3-large",
      "gpt-5-mini",
      "whisper-1",
      "gpt-image-2",
      "o3",
      "gpt-realtime",
      "tts-1",
      "gpt-4o",
    ];
    await using vendor = startOpenAiVendor({ models: ids.map((id) => ({ id })) });
    const redirected = (input: string | URL | Request, init?: RequestInit) =>
      fetch(String(input).replace("https://api.openai.com", vendor.origin), init);
    const provider = createOpenAiProvider({
      config: Value.Parse(OpenAiConfig, {}),
      clock: createManualClock(),
      fetch: redirected,
      secret: async (name) => (name === "OPENAI_API_KEY" ? "sk-test" : undefined),
    });
    const { models } = await provider.models({ endpoint: "openai" }, io);
    expect(models.map(({ id, reasoning }) => [id, reasoning])).toEqual([
      ["gpt-6.1-sol", true],
      ["gpt-5-mini", true],
      ["o3", true],
      ["gpt-4o", false],
    ]);
  });

  test("what Responses has no words for goes to OpenAI over Chat Completions, and everything else does not", async () => {
    await using vendor = startOpenAiVendor();
    const provider = createOpenAiProvider({
      config: Value.Parse(OpenAiConfig, {}),
      clock: createManualClock(),
      fetch: (input, init) => fetch(String(input).replace("https://api.openai.com", vendor.origin), init),
      secret: async (name) => (name === "OPENAI_API_KEY" ? "sk-test" : undefined),
    });
    for (const more of [{ topP: 0.5, toolChoice: "auto" as const }, { stop: ["END"] }, { seed: 7 }]) {
      vendor.answer({ steps: [{ text: ["ok"] }] });
      const { answer } = await readStream(provider.stream(modelRequest("openai/gpt-4o", [userMessage("hello")], more), io));
      expect(answer.stopReason).toBe("stop");
    }
    expect(vendor.ledger.map(({ path }) => path)).toEqual(["/v1/responses", "/v1/chat/completions", "/v1/chat/completions"]);
    expect(vendor.ledger[1]?.body).toMatchObject({ stop: ["END"], model: "gpt-4o" });
  });

  test("asked for all, a server that is off has no models; asked for itself, it says so", async () => {
    const { provider } = start({}, { endpoints: { lab: { baseUrl: `${NOWHERE}/v1` } } });
    expect(await provider.models({}, io)).toEqual({ models: [] });
    expect(provider.models({ endpoint: "lab", refresh: true }, io)).rejects.toThrow();
  });
});

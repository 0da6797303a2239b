import { describe, expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { Value } from "@sinclair/typebox/value";
import { startOllamaVendor } from "../../tests/vendors/ollama/server.ts";
import { OllamaConfig } from "./config.ts";
import { ollamaOrigin } from "./host.ts";
import manifest from "./plugin.json" with { type: "json" };
import { createOllamaProvider } from "./provider.ts";

type Json = Readonly<Record<string, unknown>>;

const io = { signal: new AbortController().signal };
/** Nothing listens there. */
const NOWHERE = "http://127.0.0.1:9";

function start(secrets: Readonly<Record<string, string>>, config: Json = {}) {
  const clock = createManualClock();
  const provider = createOllamaProvider({
    config: Value.Parse(OllamaConfig, config),
    clock,
    fetch,
    secret: async (name) => ({ OLLAMA_HOST: NOWHERE, ...secrets })[name],
  });
  const status = async (endpoint: string) => (await provider.endpoints({}, io)).endpoints.find((one) => one.endpoint === endpoint);
  return { provider, clock, status };
}

describe("OLLAMA_HOST is read as Ollama reads it", () => {
  test.each([
    [undefined, "http://127.0.0.1:11434"],
    ["", "http://127.0.0.1:11434"],
    ["0.0.0.0", "http://127.0.0.1:11434"],
    ["0.0.0.0:8080", "http://127.0.0.1:8080"],
    [":1234", "http://127.0.0.1:1234"],
    ["box", "http://box:11434"],
    ["box:99", "http://box:99"],
    ["box:99999", "http://box:11434"],
    ["box:x", "http://box:11434"],
    ["http://box", "http://box:80"],
    ["HTTP://box:99", "http://box:99"],
    ["https://llm.example.com", "https://llm.example.com:443"],
    ["https://llm.example.com/ollama/", "https://llm.example.com:443/ollama"],
    ["[::1]:11434", "http://[::1]:11434"],
    ["[::]", "http://[::1]:11434"],
    ["::1", "http://[::1]:11434"],
    ["::", "http://[::1]:11434"],
    ["ollama.com", "https://ollama.com:443"],
  ])("%p is %s", (host, origin) => {
    expect(ollamaOrigin(host)).toBe(origin);
  });

  test("where it is looked for without a word is where the manifest says that it is found", () => {
    const [found] = manifest.enableWhen.listens;
    expect(ollamaOrigin(undefined)).toBe(`http://${found}`);
    expect(manifest.permissions.net).toContain(found as string);
  });
});

describe("a server's status", () => {
  const models = {
    "embed:latest": { capabilities: ["embedding"] },
    "small:1b": { capabilities: ["completion"] },
    "big:latest": { capabilities: ["completion", "tools", "vision", "thinking"], contextLength: 65_536 },
  };

  test("one that runs is found, with a model that uses tools as its default; what only makes vectors is no model here", async () => {
    await using vendor = startOllamaVendor({ models });
    const { provider, status } = start({ OLLAMA_HOST: vendor.origin });
    expect(await status("ollama")).toEqual({ endpoint: "ollama", label: "Ollama", ready: true, defaultModel: "big", local: true });
    expect((await provider.models({}, io)).models).toEqual([
      {
        ...{ ref: "ollama/small:1b", endpoint: "ollama", id: "small:1b", name: "small:1b", contextWindow: 32_768, maxOutputTokens: null },
        ...{ reasoning: false, vision: false, tools: false, continues: true, price: { input: 0, output: 0 } },
      },
      {
        ...{ ref: "ollama/big", endpoint: "ollama", id: "big", name: "big", contextWindow: 32_768, maxOutputTokens: null },
        ...{ reasoning: true, vision: true, tools: true, continues: true, price: { input: 0, output: 0 } },
      },
    ]);
  });

  test("what is said of a model is asked once, and again when it is another one of the same name", async () => {
    const big = { capabilities: ["completion"], digest: "sha256:1" };
    await using vendor = startOllamaVendor({ models: { "big:latest": big } });
    const { provider } = start({ OLLAMA_HOST: vendor.origin });
    const shows = async () => {
      await provider.models({ endpoint: "ollama", refresh: true }, io);
      return vendor.asked.filter((one) => one === "POST /api/show").length;
    };
    expect([await shows(), await shows()]).toEqual([1, 1]);
    vendor.models.set("big:latest", { ...big, digest: "sha256:2" });
    expect([await shows(), await shows()]).toEqual([2, 2]);
  });

  test("one that is off, one without a model and one that hangs say what to do", async () => {
    await using empty = startOllamaVendor();
    const asked = Promise.withResolvers<void>();
    await using hanging = serveHttp(() => asked.resolve());
    const off = start({});
    expect(await off.status("ollama")).toEqual({
      ...{ endpoint: "ollama", label: "Ollama", ready: false, local: true },
      detail: `nothing usable answers at ${NOWHERE}: start it (ollama serve), or say where it is: OLLAMA_HOST`,
    });
    expect(await start({ OLLAMA_HOST: empty.origin }).status("ollama")).toMatchObject({
      ready: false,
      detail: `${empty.origin} has no model; fetch one: pincer models pull ollama/<model>`,
    });
    const { status, clock } = start({ OLLAMA_HOST: hanging.origin });
    const answer = status("ollama");
    await asked.promise;
    await clock.advance(400);
    expect(await answer).toMatchObject({ ready: false });
    expect(clock.timers).toBe(0);
  });

  test("a model that the server cannot describe hides no other, and describing them may take a while", async () => {
    const broken = { capabilities: ["completion"], isBroken: true };
    await using vendor = startOllamaVendor({ models: { "half:latest": broken, ...models } });
    const { provider, status } = start({ OLLAMA_HOST: vendor.origin });
    expect(await status("ollama")).toMatchObject({ ready: true, defaultModel: "big" });
    expect((await provider.models({ endpoint: "ollama" }, io)).models.map(({ id }) => id)).toEqual(["small:1b", "big"]);
    await using hopeless = startOllamaVendor({ models: { "half:latest": broken } });
    expect(await start({ OLLAMA_HOST: hopeless.origin }).status("ollama")).toMatchObject({ ready: false });

    const shown = Promise.withResolvers<() => void>();
    await using slow = serveHttp((exchange) => {
      const answer = (value: unknown) => exchange.send(200, JSON.stringify(value));
      if (exchange.path === "/api/show") shown.resolve(() => answer({ capabilities: ["completion", "tools"] }));
      else answer({ models: exchange.path === "/api/tags" ? [{ model: "big:latest" }] : [] });
    });
    const small = start({ OLLAMA_HOST: slow.origin });
    const asked = small.status("ollama");
    const show = await shown.promise;
    await small.clock.advance(2000);
    show();
    expect(await asked).toMatchObject({ ready: true, defaultModel: "big" });
    expect(small.clock.timers).toBe(0);
  });

  test("further servers have names of their own, and a copied /v1 does no harm", async () => {
    await using vendor = startOllamaVendor({ models });
    const { provider, status } = start(
      {},
      { endpoints: { box: { baseUrl: `${vendor.origin}/v1/`, defaultModel: "small:1b" }, empty: {} } },
    );
    expect(await status("box")).toEqual({ endpoint: "box", label: "box", ready: true, defaultModel: "small:1b", local: true });
    expect(await status("empty")).toMatchObject({ ready: false, detail: "set endpoints.empty.baseUrl" });
    expect((await provider.models({}, io)).models.map(({ ref }) => ref)).toEqual(["box/small:1b", "box/big"]);
    expect(provider.models({ endpoint: "ollama", refresh: true }, io)).rejects.toThrow();
  });

  test("the key of Ollama's own service is shown to nobody else; one that was set for a server is", async () => {
    await using vendor = startOllamaVendor({ models });
    const secrets = { OLLAMA_HOST: vendor.origin, OLLAMA_API_KEY: "cloud-key", LAB_KEY: "lab-key" };
    const { provider } = start(secrets, { endpoints: { lab: { baseUrl: vendor.origin, key: { secret: "LAB_KEY" } } } });
    const shown: (string | null)[] = [];
    for (const endpoint of ["ollama", "lab"]) {
      vendor.answer({ steps: [{ text: ["ok"] }] });
      const request = { model: `${endpoint}/big`, system: [], messages: [], tools: [] };
      for await (const _ of provider.stream(request, io));
      shown.push(vendor.ledger.at(-1)?.headers.get("authorization") ?? null);
    }
    expect(shown).toEqual([null, "Bearer lab-key"]);
    const cloud = start({ OLLAMA_HOST: "ollama.com" });
    expect(await cloud.status("ollama")).toMatchObject({ ready: false, detail: expect.stringContaining("OLLAMA_API_KEY") });
  });
});

describe("vectors", () => {
  test("come one for each text, in its order; a text that is too long is refused, not cut", async () => {
    await using vendor = startOllamaVendor({ models: { "embed:latest": { capabilities: ["embedding"] } } });
    const { provider } = start({ OLLAMA_HOST: vendor.origin });
    const embed = (model: string, input: string[], more = {}) => provider.embed!({ model, input, ...more }, io);
    expect(await embed("ollama/embed", ["one", "three"])).toMatchObject({
      embeddings: [
        [3 / 64, 0],
        [5 / 64, 1],
      ],
      usage: { input: 8, totalTokens: 8 },
    });
    expect((await embed("ollama/embed", ["one"], { dimensions: 1 })).embeddings).toEqual([[3 / 64]]);
    expect((await embed("ollama/embed", ["x".repeat(2000)])).failure).toMatchObject({ class: "context-overflow", status: 400 });
    expect((await embed("ollama/gone", ["one"])).failure?.message).toContain("pincer models pull ollama/gone");
    expect((await embed("nowhere/x", ["one"])).failure).toMatchObject({ class: "bad-request" });
  });
});

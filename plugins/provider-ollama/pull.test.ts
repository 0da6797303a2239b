import { expect, test } from "bun:test";
import type { Pulled, PullProgress } from "@pincer/plugin-sdk/contracts/provider";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Value } from "@sinclair/typebox/value";
import { type OllamaVendorOptions, startOllamaVendor } from "../../tests/vendors/ollama/server.ts";
import { OllamaConfig } from "./config.ts";
import { createOllamaProvider } from "./provider.ts";

function start(options: OllamaVendorOptions = {}) {
  const vendor = startOllamaVendor(options);
  const clock = createManualClock();
  const provider = createOllamaProvider({
    config: Value.Parse(OllamaConfig, {}),
    ...{ clock, fetch },
    secret: async (name) => (name === "OLLAMA_HOST" ? vendor.origin : undefined),
  });
  const pull = (model: string, signal = new AbortController().signal) => provider.pull!({ model }, { signal });
  return { vendor, clock, provider, pull, [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose]() };
}

async function read(stream: AsyncGenerator<PullProgress, Pulled, void>) {
  const told: PullProgress[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done) return { told, ended: next.value };
    told.push(next.value);
  }
}

test("a pull tells how far all parts are together, and the model is there at once", async () => {
  await using server = start();
  const status = async () => (await server.provider.endpoints({}, { signal: new AbortController().signal })).endpoints[0];
  expect(await status()).toMatchObject({ ready: false });
  const { told, ended } = await read(server.pull("ollama/qwen3"));
  expect(ended).toEqual({});
  expect(told.map(({ completedBytes, totalBytes }) => [completedBytes, totalBytes])).toEqual([
    [0, null],
    [0, 1000],
    [400, 1000],
    [1000, 1000],
    [1200, 1200],
    [1200, 1200],
    [1200, 1200],
    [1200, 1200],
  ]);
  expect(told.map(({ status: said }) => said)).toContain("verifying sha256 digest");
  // Before the list that was kept would have been asked for again.
  expect(await status()).toMatchObject({ ready: true, defaultModel: "qwen3" });
});

test("a model that nobody has, a server that is off and an endpoint that is none are told as such", async () => {
  await using server = start();
  expect((await read(server.pull("ollama/unknown"))).ended).toEqual({
    failure: { class: "network", message: "pull model manifest: file does not exist" },
  });
  expect((await read(server.pull("nowhere/x"))).ended).toMatchObject({ failure: { class: "bad-request" } });
  await server.vendor[Symbol.asyncDispose]();
  expect((await read(server.pull("ollama/qwen3"))).ended).toMatchObject({ failure: { class: "network" } });
});

test("an abort ends it at the server too; one that falls silent is given up", async () => {
  await using server = start({ holdPull: new Promise(() => undefined) });
  const caller = new AbortController();
  const aborted = server.pull("ollama/qwen3", caller.signal);
  await aborted.next();
  await aborted.next();
  caller.abort(new Error("enough"));
  await expect(read(aborted)).rejects.toThrow("enough");
  const silent = server.pull("ollama/qwen3");
  for (let told = 0; told < 3; told++) await silent.next();
  const rest = read(silent);
  await server.clock.advance(600_000);
  expect((await rest).ended).toMatchObject({ failure: { class: "timeout" } });
  expect(server.clock.timers).toBe(0);
});

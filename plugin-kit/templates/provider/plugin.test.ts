import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { providerSuite } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { createProvider } from "./provider.ts";
import type { Turn } from "./request.ts";
import { startFakeServer } from "./tests/fake-server.ts";

const turns = ({ body }: VendorCall) => body["turns"] as readonly Turn[];

// Everything that a provider promises: streaming, tools, images, aborts, broken streams, failures by their class.
providerSuite({
  name: "my-provider",
  async start() {
    const vendor = startFakeServer();
    const clock = createManualClock();
    const config = { baseUrl: vendor.origin, models: ["small"], idleTimeoutMs: 1000 };
    const provider = createProvider({ config, clock, fetch, secret: async () => "key-of-the-test" });
    return {
      provider,
      vendor,
      clock,
      model: "my-provider/small",
      idleMs: 1000,
      [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose](),
    };
  },
  failures: [
    { title: "a key that is not accepted", error: { status: 401, message: "no such key" }, class: "auth" },
    {
      title: "too many requests",
      error: { status: 429, message: "slow down", headers: { "retry-after": "7" } },
      class: "rate-limit",
      retryAfterMs: 7000,
    },
    { title: "a server that has too much to do", error: { status: 503, message: "come back later" }, class: "overloaded" },
    {
      title: "a conversation that is too long",
      error: { status: 400, message: "prompt is too long: 210000 tokens" },
      class: "context-overflow",
    },
  ],
  sent: {
    images: (call) => turns(call).flatMap(({ parts }) => parts.flatMap((part) => ("image" in part ? [part.image] : []))),
    toolResult: (call, id) => {
      const found = turns(call).find(({ callId }) => callId === id);
      return found?.parts.map((part) => ("text" in part ? part.text : "")).join("");
    },
    signatures: () => [],
  },
});

const start = (baseUrl: string, secrets: Record<string, string> = { MY_PROVIDER_KEY: "key-of-the-test" }) =>
  startPlugin(import.meta.dir, { config: { baseUrl }, secrets, settings: { models: { default: "my-provider/small" } } });

test("the agent answers with it", async () => {
  await using server = startFakeServer();
  await using kit = await start(server.origin);
  server.answer({ steps: [{ text: ["Good ", "morning."] }] });
  expect(await kit.say("hello")).toMatchObject({ state: "final", text: "Good morning." });
  const [call] = server.ledger;
  expect(call?.headers.get("authorization")).toBe("Bearer key-of-the-test");
  expect(call?.body).toMatchObject({ model: "small", stream: true });
});

test("without a key it says how to set one", async () => {
  await using server = startFakeServer();
  await using kit = await start(server.origin, {});
  const reply = await kit.say("hello");
  expect(reply.state).toBe("error");
  expect(reply.error).toContain("pincer secrets set MY_PROVIDER_KEY");
  expect(server.ledger).toHaveLength(0);
});

test("unloading leaves nothing behind", async () => {
  await using server = startFakeServer();
  await using kit = await start(server.origin);
  server.answer({ steps: [{ text: ["Good morning."] }] });
  await kit.say("hello");
  await kit.unload();
  expect(kit.residue()).toEqual([]);
});

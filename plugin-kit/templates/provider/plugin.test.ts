import { expect, test } from "bun:test";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { providerSuite } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import type { Turn } from "./request.ts";
import { startFakeServer } from "./tests/fake-server.ts";

const secrets = { MY_PROVIDER_KEY: "key-of-the-test" };
const turns = ({ body }: VendorCall) => body["turns"] as readonly Turn[];

// Everything that a provider promises, in the gateway's process and in one of its own: streaming, tools, images, aborts, broken streams,
// failures by their class, and that unloading leaves nothing behind.
providerSuite({
  name: "my-provider",
  startVendor: startFakeServer,
  startPlugin: (baseUrl, options, idleTimeoutMs) =>
    startPlugin(import.meta.dir, { ...options, config: { baseUrl, models: ["small"], idleTimeoutMs }, secrets }),
  model: "my-provider/small",
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

const start = (baseUrl: string, given: Readonly<Record<string, string>> = secrets) =>
  startPlugin(import.meta.dir, { config: { baseUrl }, secrets: given, settings: { models: { default: "my-provider/small" } } });

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

import { expect, test } from "bun:test";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { talkOver } from "@pincer/plugin-sdk/testing/talk";
import { error, keyOf, says } from "../failover/vendor.ts";
import { startOpenAiVendor } from "../vendors/openai/server.ts";

const MAIN = "agent:main:main";

/** A person's gateway with the plugin on, two keys for one server, and another model of it behind them. */
async function start(failover: Readonly<Record<string, unknown>> = {}, isolation: "inline" | "process" = "inline") {
  const vendor = startOpenAiVendor();
  const lab = { baseUrl: `${vendor.origin}/v1`, key: { secret: "NOT_THERE" }, models: ["one", "two"] };
  const gateway = await startTestGateway({
    enable: ["failover"],
    config: {
      models: { default: "lab/one" },
      failover: { retryPauseMs: 1, ...failover },
      plugins: { failover: { isolation }, "provider-openai": { enabled: true, isolation, config: { endpoints: { lab } } } },
    },
  });
  const client = await gateway.connect();
  await client.call("sessions.subscribe", {});
  for (const name of ["a", "b"]) await client.call("failover.profiles.add", { name: `lab:${name}`, value: `key-${name}` });
  return {
    vendor,
    client,
    talk: talkOver(client, MAIN),
    keys: () => vendor.ledger.map(keyOf),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await vendor[Symbol.asyncDispose]();
    },
  };
}

test("a turn whose first key is dead is answered as if nothing had been", async () => {
  await using house = await start();
  house.vendor.answer(error(401), says("Hello", " there"));
  expect(await house.talk.ask("hi")).toMatchObject({ state: "final", text: "Hello there" });
  const [, answer] = await house.talk.history();
  expect(answer).toMatchObject({ provider: "lab", model: "one", stopReason: "stop" });
  expect(house.keys()).toEqual(["key-a", "key-b"]);
});

testWith("bubblewrap")("so it is when the plugin and the provider run in sandboxes of their own", async () => {
  await using house = await start({}, "process");
  house.vendor.answer(error(401), says("Hello", " there"));
  expect(await house.talk.ask("hi")).toMatchObject({ state: "final", text: "Hello there" });
  expect(house.keys()).toEqual(["key-a", "key-b"]);
});

test("when nothing answers the turn says why, once: nobody above asks again", async () => {
  await using house = await start({ fallbacks: ["lab/two"] });
  house.vendor.otherwise(() => error(503, "busy"));
  const reply = await house.talk.ask("hi");
  expect(reply.state).toBe("error");
  expect(reply.error).toStartWith(
    "The model did not answer: all that could be asked has failed: lab/one with lab:a: the vendor is overloaded (busy), also when asked again; ",
  );
  expect(house.keys()).toHaveLength(8);
});

test("an answer that breaks off is kept as far as it came, shown once, and says that it broke", async () => {
  await using house = await start();
  house.vendor.answer({ steps: [{ text: ["half a ", "sentence"] }], end: "error" });
  const reply = await house.talk.ask("hi");
  expect(reply).toMatchObject({ state: "error", error: expect.stringContaining("the answer broke off, and could not be gone on with") });
  const messages = await house.talk.history();
  expect(messages.filter(({ role }) => role === "assistant")).toMatchObject([{ content: [{ type: "text", text: "half a sentence" }] }]);
  expect(house.keys()).toEqual(["key-a"]);
});

test("a conversation that is too long is compacted and asked once more, with the same key", async () => {
  await using house = await start();
  house.vendor.otherwise(() => says("A summary of it all."));
  for (const message of ["one ", "two ", "three "]) await house.talk.ask(message.repeat(400));
  const before = house.keys().length;
  house.vendor.answer(error(400, "This model's maximum context length is 8192 tokens"), says("Summary."), says("Now it fits."));
  expect(await house.talk.ask("and now?")).toMatchObject({ state: "final", text: "Now it fits." });
  expect(house.keys().slice(before)).toEqual(["key-a", "key-a", "key-a"]);
});

test("a session may choose its profile", async () => {
  await using house = await start();
  house.vendor.otherwise(() => says("ok"));
  await house.talk.ask("hi");
  await house.client.call("sessions.patch", { key: MAIN, authProfile: "lab:b" });
  await house.talk.ask("and now?");
  expect(house.keys()).toEqual(["key-a", "key-b"]);
});

import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { error, says, startFailover } from "../../tests/failover/vendor.ts";
import { io, llmRequest } from "../../tests/fixtures/models/gateway.ts";

type Json = Readonly<Record<string, unknown>>;

const two = { a: "key-a", b: "key-b" };
const rest = (seconds: number) => error(429, "slow down", { headers: { "retry-after": `${seconds}` } });
const statusOf = async (lab: Awaited<ReturnType<typeof startFailover>>) => {
  const { providers } = await lab.call("models.authStatus");
  return (providers as readonly Json[]).find(({ provider }) => provider === "lab") as Json;
};

describe("two profiles of one provider", () => {
  test("the first is not accepted, the second answers; the status says so, and the next turn does not ask the first again", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.answer(error(401, "Incorrect API key provided"), says("Hello ", "there"), says("again"));
    const { text, answer } = await lab.say();
    expect({ text, stop: answer.stopReason, failure: answer.failure }).toEqual({ text: "Hello there", stop: "stop", failure: undefined });
    expect(lab.keys()).toEqual(["key-a", "key-b"]);
    expect(await statusOf(lab)).toMatchObject({
      status: "static",
      profileOrder: ["lab:a", "lab:b"],
      profiles: [
        {
          ...{ profileId: "lab:a", type: "api_key", status: "missing", state: "failed" },
          reason: { class: "auth", message: "Incorrect API key provided" },
        },
        { profileId: "lab:b", type: "api_key", status: "static", state: "active", failureCount: 0 },
      ],
    });
    expect((await lab.say()).text).toBe("again");
    expect(lab.keys()).toEqual(["key-a", "key-b", "key-b"]);
  });

  test("a new key makes a failed profile active again; what the old one still has under way does not count against it", async () => {
    await using lab = await startFailover({ profiles: two });
    const gate = Promise.withResolvers<void>();
    lab.vendor.answer({ hold: { before: 0, until: gate.promise }, ...error(401) }, says("from b"));
    const slow = lab.say();
    await lab.vendor.received(1);
    await lab.call("failover.profiles.add", { name: "lab:a", value: "key-a2" });
    gate.resolve();
    expect((await slow).text).toBe("from b");
    expect(await lab.profile("a")).toMatchObject({ state: "active" });
    lab.vendor.answer(says("from a"));
    expect((await lab.say()).text).toBe("from a");
    expect(lab.keys().at(-1)).toBe("key-a2");
  });

  test("vectors of texts come with the next profile, too, and never from another model", async () => {
    await using lab = await startFailover({ profiles: { a: "refused", b: "key-b" }, failover: { fallbacks: ["demo/offline"] } });
    const embed = async (model: string) => await lab.llm.embed!({ model, input: ["eightchr", "four"] }, io);
    expect((await embed("lab/one")).embeddings).toEqual([
      [0.125, 0],
      [0.0625, 1],
    ]);
    expect(await lab.profile("a")).toMatchObject({ state: "failed", reason: { class: "auth" } });
    const { failure } = await embed("lab/limited");
    expect(failure).toMatchObject({ class: "exhausted", retryAfterMs: 3_000 });
    expect(failure?.message).not.toContain("demo");
    expect((await embed("demo/offline")).failure).toMatchObject({ class: "bad-request" });
  });

  test("an account without credit is off as well, and says why", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.answer(error(402, "Insufficient credits"), says("paid"));
    expect((await lab.say()).text).toBe("paid");
    expect(await lab.profile("a")).toMatchObject({ state: "failed", reason: { class: "billing", message: "Insufficient credits" } });
  });

  test("too many requests rest that model with that profile alone, as long as the vendor says, and not a moment longer", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.otherwise(() => says("ok"));
    lab.vendor.answer(rest(30));
    await lab.say();
    await lab.say();
    await lab.say({ model: "lab/two" });
    expect(lab.tried()).toEqual(["one key-a", "one key-b", "one key-b", "two key-a"]);
    expect(await lab.profile("a")).toMatchObject({
      state: "cooldown",
      cooldownUntil: lab.clock.now() + 30_000,
      models: [{ model: "lab/one", cooldownUntil: lab.clock.now() + 30_000 }, { model: "lab/two" }],
    });
    await lab.clock.advance(29_999);
    await lab.say();
    expect(lab.tried().at(-1)).toBe("one key-b");
    await lab.clock.advance(1);
    await lab.say();
    expect(lab.tried().at(-1)).toBe("one key-a");
    expect(await lab.profile("a")).toMatchObject({ state: "active" });
  });

  test("without a word of the vendor's the rest is 60 s, and grows to 5 min until an answer comes", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.otherwise((call) => (call.headers.get("authorization") === "Bearer key-a" ? error(429) : says("ok")));
    const rests: number[] = [];
    for (let time = 0; time < 5; time++) {
      await lab.say();
      const until = Number((await lab.profile("a"))?.["cooldownUntil"]);
      rests.push((until - lab.clock.now()) / 1_000);
      await lab.clock.advance(until - lab.clock.now());
    }
    expect(rests).toEqual([60, 120, 240, 300, 300]);
  });

  test("a fault of the server is asked once more after the pause, with the same key", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.answer(error(503), says("second try"));
    const turn = lab.say();
    await lab.logged("failover.failed");
    await lab.clock.advance(249);
    expect(lab.keys()).toEqual(["key-a"]);
    await lab.clock.advance(1);
    expect((await turn).text).toBe("second try");
    expect(lab.keys()).toEqual(["key-a", "key-a"]);
    expect(await lab.profile("a")).toMatchObject({ state: "active", failureCount: 0 });
  });

  test("after the second fault the next is asked at once", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.answer(error(500), { end: "reset" }, says("from b"));
    const turn = lab.say();
    await lab.logged("failover.failed");
    await lab.clock.advance(250);
    expect((await turn).text).toBe("from b");
    expect(lab.keys()).toEqual(["key-a", "key-a", "key-b"]);
    expect(await lab.profile("a")).toMatchObject({ state: "active", failureCount: 2 });
  });

  test("who stops the turn in the pause ends it there", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.answer(error(503));
    const caller = new AbortController();
    const next = lab.llm.stream(llmRequest({ model: "lab/one" }), { signal: caller.signal }).next();
    await lab.logged("failover.failed");
    caller.abort();
    expect(await next).toMatchObject({ done: true, value: { stopReason: "aborted" } });
    await lab.clock.advance(1_000);
    expect(lab.keys()).toEqual(["key-a"]);
  });
});

describe("the order of the profiles", () => {
  const three = { a: "key-a", b: "key-b", c: "key-c" };

  test("the request's, the session's, the provider's, the configured, by priority, the environment's", async () => {
    await using lab = await startFailover({
      profiles: { ...three, d: "key-d", e: "key-e" },
      own: "key-own",
      failover: { order: { lab: ["lab:d"] } },
    });
    await lab.call("failover.profiles.add", { name: "lab:c", value: "key-c", priority: 5 });
    await lab.call("failover.order.set", { provider: "lab", profiles: ["lab:e"] });
    const { host } = lab;
    await host.setEnabled("sessions", true);
    await lab.call("sessions.create", { key: "agent:main:work", authProfile: "lab:b" });
    lab.vendor.otherwise(() => error(401));
    const { answer } = await lab.say({ profile: "lab:a", sessionKey: "agent:main:work" });
    expect(lab.keys()).toEqual(["key-a", "key-b", "key-e", "key-d", "key-c", "key-own"]);
    expect(answer.failure?.class).toBe("exhausted");
  });

  test("a profile that is not there, or is another provider's, is told with those that are", async () => {
    await using lab = await startFailover({ profiles: two });
    expect(lab.say({ profile: "lab:c" })).rejects.toMatchObject({
      code: "FAILOVER_PROFILE_UNKNOWN",
      message: 'there is no auth profile "lab:c"; there are: lab:a, lab:b',
    });
    expect(lab.say({ profile: "lab:a", model: "demo" })).rejects.toThrow('the auth profile "lab:a" is for lab, and the model for demo');
    expect(lab.keys()).toEqual([]);
  });

  test("without an order of one's own again the configuration's holds", async () => {
    await using lab = await startFailover({ profiles: two, failover: { order: { lab: ["lab:b"] } } });
    expect((await statusOf(lab))["profileOrder"]).toEqual(["lab:b", "lab:a"]);
    expect(await lab.call("failover.order.set", { provider: "lab", profiles: ["lab:a"] })).toMatchObject({ order: ["lab:a", "lab:b"] });
    expect(await lab.call("failover.order.set", { provider: "lab", profiles: [] })).toMatchObject({ order: ["lab:b", "lab:a"] });
  });
});

describe("other models", () => {
  test("come after every profile of the wanted one, each with its own profiles", async () => {
    await using lab = await startFailover({ profiles: two, failover: { fallbacks: ["lab/two", "demo"] } });
    lab.vendor.otherwise((call) => (call.body["model"] === "one" ? error(429) : error(401)));
    const { answer } = await lab.say();
    expect(lab.tried()).toEqual(["one key-a", "one key-b", "two key-a", "two key-b"]);
    expect(answer).toMatchObject({ stopReason: "stop", message: { provider: "demo" } });
  });

  test("that a request may not be asked of are passed over, whatever has failed, and the answer says so", async () => {
    await using lab = await startFailover({ profiles: two, failover: { fallbacks: ["demo", { model: "lab/two", on: ["always"] }] } });
    lab.vendor.otherwise(() => error(429));
    const { answer } = await lab.say({ within: ["lab"] });
    expect(lab.tried()).toEqual(["one key-a", "one key-b", "two key-a", "two key-b"]);
    expect(answer.failure).toMatchObject({ class: "exhausted" });
    expect(answer.failure?.message).toContain("demo: this may be asked of lab alone, and demo/offline is none of these");
    expect(lab.vendor.ledger.every(({ body }) => body["within"] === undefined)).toBe(true);
    await expect(lab.say({ within: ["demo"] })).rejects.toMatchObject({ code: "LLM_MODEL_EXCLUDED" });
    await expect(lab.say({ within: [] })).rejects.toMatchObject({ code: "LLM_MODEL_EXCLUDED" });
    expect(lab.tried()).toHaveLength(4);
  });

  test("that a request may not be asked of stand in for no model that is not ready", async () => {
    await using lab = await startFailover({ failover: { fallbacks: ["demo"] } });
    expect(await lab.llm.resolve({ model: "lab/one" }, io)).toMatchObject({ ref: "demo/offline" });
    await expect(lab.llm.resolve({ model: "lab/one", within: ["lab"] }, io)).rejects.toMatchObject({ code: "LLM_PROVIDER_NOT_READY" });
    const { answer } = await lab.say({ within: ["lab"] });
    expect(answer.failure).toMatchObject({ class: "exhausted" });
  });

  test("are those of the wanted model, else of the agent, else everybody's", async () => {
    const failover = {
      fallbacks: ["lab/two"],
      agents: { work: ["lab/three"] },
      models: { quick: ["demo"] },
    };
    await using lab = await startFailover({ own: "key", failover, models: { aliases: { quick: "lab/one" } } });
    lab.vendor.otherwise((call) => (call.body["model"] === "one" ? error(429) : says("ok")));
    const byOf = async (more: Json) => (await lab.say(more)).answer.message.model;
    expect(await byOf({})).toBe("two");
    expect(await byOf({ agentId: "work" })).toBe("three");
    expect(await byOf({ agentId: "work", model: "quick" })).not.toBe("three");
  });

  test("are asked after the failures that they are meant for, and no other", async () => {
    const fallbacks = [
      { model: "lab/two", on: ["rate-limit"] },
      { model: "lab/three", on: ["context-overflow", "auth"] },
    ];
    await using lab = await startFailover({ own: "key", failover: { fallbacks } });
    lab.vendor.answer(error(400, "maximum context length is 8192 tokens"), says("a longer window"));
    expect((await lab.say()).text).toBe("a longer window");
    lab.vendor.answer(error(429), says("another model"));
    expect((await lab.say()).text).toBe("another model");
    expect(lab.tried()).toEqual(["one key", "three key", "one key", "two key"]);
  });

  test("one that cannot be looked up is told and passed over", async () => {
    await using lab = await startFailover({ own: "key", failover: { fallbacks: ["nowhere/x", "lab/two"] } });
    lab.vendor.answer(error(429), error(429));
    const { answer } = await lab.say();
    expect(answer.failure?.message).toContain('nowhere/x: there is no model "nowhere/x"');
    expect(lab.tried()).toEqual(["one key", "two key"]);
  });

  test("stand in for a provider that has no key at all", async () => {
    await using lab = await startFailover({ failover: { fallbacks: ["demo"] } });
    expect(await lab.resolve("lab/one")).toBe("demo/offline");
    expect((await lab.say()).answer).toMatchObject({ stopReason: "stop", message: { provider: "demo" } });
    await using alone = await startFailover();
    expect(alone.say()).rejects.toMatchObject({ code: "LLM_PROVIDER_NOT_READY" });
  });

  test("a budget that refuses the wanted model refuses the call; for another model that is one reason among others", async () => {
    await using lab = await startFailover({
      own: "key",
      lab: { models: ["costly-1", "cheap-1"] },
      failover: { models: { "lab/cheap-1": ["lab/costly-1"] } },
      plugins: { refuser: {} },
    });
    expect(lab.say({ model: "lab/costly-1" })).rejects.toMatchObject({ code: "LLM_CALL_REFUSED" });
    lab.vendor.answer(error(429));
    expect((await lab.say({ model: "lab/cheap-1" })).answer.failure?.message).toContain("may not use lab/costly-1");
  });
});

describe("what ends a request at once", () => {
  test.each([
    [400, "This model's maximum context length is 8192 tokens", "context-overflow"],
    [400, "Unknown parameter: 'colour'", "bad-request"],
  ] as const)("%d %p is told as %p: another key would get the same", async (status, message, kind) => {
    await using lab = await startFailover({ profiles: two, failover: { fallbacks: ["lab/two"] } });
    lab.vendor.answer(error(status, message));
    expect((await lab.say()).answer.failure).toMatchObject({ class: kind, message });
    expect(lab.keys()).toEqual(["key-a"]);
    expect(await lab.profile("a")).toMatchObject({ state: "active", failureCount: 0 });
  });

  test("a refusal is the model's answer", async () => {
    await using lab = await startFailover({ profiles: two });
    lab.vendor.answer({ steps: [{ refusal: ["I cannot."] }] });
    expect((await lab.say()).answer).toMatchObject({ stopReason: "refusal", failure: { class: "refusal" } });
    expect(lab.keys()).toEqual(["key-a"]);
  });
});

describe("a stream that breaks after the first text", () => {
  const half = { steps: [{ text: ["half a "] }], end: "error" as const };

  test("ends with what had come, and says so, where nobody can go on with it", async () => {
    await using lab = await startFailover({ profiles: two, failover: { fallbacks: ["lab/two"] } });
    lab.vendor.answer(half);
    const { text, answer } = await lab.say();
    expect(text).toBe("half a ");
    expect(answer).toMatchObject({
      stopReason: "error",
      failure: { class: "exhausted" },
      message: { content: [{ type: "text", text: "half a " }] },
    });
    expect(answer.failure?.message).toStartWith("the answer broke off, and could not be gone on with: lab/one with lab:a: ");
    expect(lab.keys()).toEqual(["key-a"]);
  });

  test("goes on where the server can, behind the same words, with the next key when that breaks too", async () => {
    await using lab = await startFailover({ profiles: two, lab: { continues: true }, failover: { retryPauseMs: 0 } });
    lab.vendor.answer(half, { steps: [{ text: ["sen"] }], end: "error" }, { steps: [{ text: ["tence"] }], usage: { input: 7, output: 3 } });
    const { text, answer, events } = await lab.say();
    expect(text).toBe("half a sentence");
    expect(events.map(({ index }) => index)).toEqual([0, 0, 0]);
    expect(answer).toMatchObject({ stopReason: "stop", message: { content: [{ type: "text", text: "half a sentence" }] } });
    expect(lab.keys()).toEqual(["key-a", "key-a", "key-b"]);
    const last = (number: number) => (lab.vendor.ledger[number]?.body["messages"] as readonly Json[] | undefined)?.at(-1);
    expect(last(1)).toMatchObject({ role: "assistant", content: "half a " });
    expect(last(2)).toMatchObject({ role: "assistant", content: "half a sen" });
  });

  test("that had only thought begins anew: no word of the answer had gone out", async () => {
    await using lab = await startFailover({ profiles: two, failover: { retryPauseMs: 0 } });
    lab.vendor.answer({ steps: [{ thinking: ["Hm."] }], end: "error" }, { steps: [{ thinking: ["Well."] }, { text: ["Done."] }] });
    const { text, answer } = await lab.say();
    expect(text).toBe("Done.");
    expect(answer.message.content).toMatchObject([{ thinking: "Well." }, { text: "Done." }]);
    expect(lab.keys()).toEqual(["key-a", "key-a"]);
  });
});

describe("when nothing answers", () => {
  test("one message says of each why, when the next comes back, and what to do", async () => {
    await using lab = await startFailover({ profiles: { ...two, c: "key-c" }, failover: { fallbacks: ["lab/two"], retryPauseMs: 0 } });
    lab.vendor.answer(error(401, "Incorrect API key"), rest(20), error(500, "oops"), error(500, "oops"), rest(90), error(503), error(503));
    const { answer } = await lab.say();
    expect(answer.failure).toEqual({
      class: "exhausted",
      status: 503,
      retryAfterMs: 20_000,
      message:
        "all that could be asked has failed: lab/one with lab:a: the key was not accepted (Incorrect API key); " +
        "lab/one with lab:b: too many requests (slow down), again in 20 s; " +
        "lab/one with lab:c: the connection or the server failed (oops), also when asked again; " +
        "lab/two with lab:a is off since 1 s: the key was not accepted (Incorrect API key); " +
        "lab/two with lab:b: too many requests (slow down), again in 90 s; " +
        "lab/two with lab:c: the vendor is overloaded (the script says 503), also when asked again. " +
        "What to do: `pincer models auth list` shows the profiles, `pincer models auth add` sets a new key.",
    });
    expect(answer.message.errorMessage).toBe(answer.failure?.message as string);
  });

  test("nobody waits for one that rests: the answer comes at once, and says until when", async () => {
    await using lab = await startFailover({ own: "key" });
    lab.vendor.answer(rest(20));
    await lab.say();
    const { answer } = await lab.say();
    expect(answer.failure?.message).toBe(
      "all that could be asked has failed: lab/one rests for another 20 s: too many requests (slow down).",
    );
    expect(lab.keys()).toHaveLength(1);
  });
});

describe("the key of the environment", () => {
  test("is tried again once it is another", async () => {
    await using lab = await startFailover();
    await lab.host.setEnabled("secrets", true);
    const set = (value: string) => lab.call("secrets.store.set", { name: "LAB_KEY", value, kind: "secret" });
    await set("key-old");
    lab.vendor.otherwise((call) => (call.headers.get("authorization") === "Bearer key-old" ? error(401) : says("ok")));
    expect((await lab.say()).answer.failure?.message).toContain(
      "a key of the environment or of the configuration is changed where it stands",
    );
    await lab.say();
    expect(lab.keys()).toEqual(["key-old"]);
    expect(await statusOf(lab)).toMatchObject({ status: "missing", profiles: [{ profileId: "lab:environment", state: "failed" }] });
    await set("key-new");
    await lab.clock.advance(5_000);
    expect((await lab.say()).text).toBe("ok");
    expect(lab.keys()).toEqual(["key-old", "key-new"]);
  });
});

test("health and order outlive the gateway; a rest ends when it would have", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-failover-"));
  const begin = Date.UTC(2026, 10, 20);
  {
    await using lab = await startFailover({ home, start: begin, profiles: { ...two, c: "key-c" } });
    await lab.call("failover.order.set", { provider: "lab", profiles: ["lab:b"] });
    lab.vendor.answer(rest(60), error(401), says("from c"));
    await lab.say();
    expect(lab.keys()).toEqual(["key-b", "key-a", "key-c"]);
    await lab.stop();
  }
  {
    await using lab = await startFailover({ home, start: begin + 20_000 });
    expect(await statusOf(lab)).toMatchObject({
      profiles: [
        { profileId: "lab:b", state: "cooldown", cooldownUntil: begin + 60_000 },
        { profileId: "lab:a", state: "failed" },
        { profileId: "lab:c", state: "active", models: [{ model: "lab/one", successes: 1, failures: 0 }] },
      ],
    });
    lab.vendor.otherwise(() => says("ok"));
    await lab.say();
    await lab.clock.advance(40_000);
    await lab.say();
    expect(lab.keys()).toEqual(["key-c", "key-b"]);
    await lab.stop();
  }
  {
    // Set back by a day, the clock lengthens no rest beyond what it was.
    await using lab = await startFailover({ home, start: begin - 86_400_000 });
    expect((await lab.profile("b"))?.["cooldownUntil"]).toBeUndefined();
  }
  await rm(home, { recursive: true, force: true });
});

test("models alone refuses a profile, and says what has them", async () => {
  await using lab = await startFailover({ own: "key" });
  await lab.host.setEnabled("failover", false);
  lab.vendor.answer(says("plain"));
  expect((await lab.say()).text).toBe("plain");
  expect(lab.say({ profile: "lab:a" })).rejects.toMatchObject({
    code: "LLM_PROFILE_UNKNOWN",
    message: expect.stringContaining("pincer plugins enable failover"),
  });
});

test("a reader that stops reading ends the request at the vendor", async () => {
  await using lab = await startFailover({ profiles: two });
  lab.vendor.answer({ steps: [{ text: ["so far"] }], end: "hang" });
  for await (const event of lab.llm.stream(llmRequest({ model: "lab/one" }), io)) {
    expect(event.type).toBe("text");
    break;
  }
  await (await lab.vendor.received(1)).left;
});

test("unloading leaves nothing behind", async () => {
  await using lab = await startFailover({ profiles: two, failover: { probe: true } });
  const timers = lab.clock.timers;
  lab.vendor.answer(rest(60), says("ok"));
  await lab.say();
  expect(await lab.profile("a")).toMatchObject({ state: "cooldown" });
  await lab.host.reload("failover");
  expect(await lab.profile("a")).toMatchObject({ state: "cooldown" });
  await lab.host.setEnabled("failover", false);
  await lab.clock.advance(600_000);
  expect(lab.clock.timers).toBeLessThanOrEqual(timers);
  expect(lab.host.methods.find("failover.profiles.list")).toBeUndefined();
  expect(lab.lines.filter(({ level }) => level === "error")).toEqual([]);
});

/** What plugins of this repository provide to others, in every mode: the same code, the same answers, and an end in the middle that is told. */
import { expect } from "bun:test";
import { dirname, join } from "node:path";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { llm } from "@pincer/plugin-sdk/contracts/llm";
import { outbox } from "@pincer/plugin-sdk/contracts/outbox";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { router } from "@pincer/plugin-sdk/contracts/router";
import { senderPolicy } from "@pincer/plugin-sdk/contracts/sender-policy";
import { inEveryMode, shared } from "@pincer/plugin-sdk/testing/every-mode";
import type { Mode } from "@pincer/plugin-sdk/testing/modes";
import { type PluginKit, type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { modelRequest, readStream, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import { asks, type Step, says } from "@pincer/plugin-sdk/testing/script";
import { startPlatform } from "../fixtures/platform/platform.ts";

const repository = dirname(dirname(import.meta.dir));
const start = (id: string, options: StartPluginOptions) => startPlugin(join(repository, "plugins", id), options);
const message = (eventId: string, from: string) => ({
  address: { channel: "scripted", account: "default", conversation: "room-7" },
  eventId,
  sender: { id: from },
  chat: "direct" as const,
  text: "hello",
  sentAt: Date.now(),
});
const request = { system: [], messages: [userMessage("hello")], tools: [], thinking: "off" as const };
/** Says so much, and nothing more until the caller goes. */
const unfinished = (text: string) =>
  async function* (_request: unknown, signal: AbortSignal): AsyncGenerator<Step> {
    yield { text };
    await new Promise((gone) => signal.addEventListener("abort", gone));
  };

inEveryMode("provider-demo as a provider", (mode, test) => {
  test("streams its answer in pieces, and stops when it is asked to", async () => {
    await using kit = await start("provider-demo", { mode, config: { deltaMs: 1 } });
    const demo = kit.uses(provider);
    const counting = modelRequest("demo/offline", [userMessage("count to 30")]);
    const { events, answer } = await readStream(demo.stream(counting, { signal: kit.signal }));
    expect(events.length).toBeGreaterThan(5);
    expect(answer).toMatchObject({ stopReason: "stop" });
    const stop = new AbortController();
    const stopped = await readStream(demo.stream(counting, { signal: stop.signal }), () => stop.abort());
    expect(stopped.answer.stopReason).toBe("aborted");
    await kit.unload();
    expect(kit.residue()).toEqual([]);
  });
});

inEveryMode("models as the way to a model", (mode, test) => {
  const kit = shared(() => start("models", { mode }));

  test("a reference is resolved, and one that nobody knows has its code", async () => {
    const { uses, signal } = await kit();
    expect(await uses(llm).resolve({}, { signal })).toMatchObject({ ref: "scripted/one", contextWindow: 100_000 });
    await expect(uses(llm).resolve({ model: "no-such-model" }, { signal })).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
  });

  test("an answer streams through, priced, and an abort reaches the provider", async () => {
    const { uses, signal, model } = await kit();
    model.answer(says("one ", "two"), unfinished("well"));
    const whole = await readStream(uses(llm).stream(request, { signal }));
    expect(whole.events.map((event) => "delta" in event && event.delta)).toEqual(["one ", "two"]);
    expect(whole.answer.usage.cost).toBeGreaterThan(0);
    const stop = new AbortController();
    const { answer } = await readStream(uses(llm).stream(request, { signal: stop.signal }), () => stop.abort());
    expect(answer.stopReason).toBe("aborted");
    await model.cut(model.models.at(-1)!);
  });

  if (mode === "process")
    test("killed in the middle of a stream, it is gone for who reads, the provider is let go, and the next is answered", async () => {
      const { uses, signal, model, crash } = await kit();
      model.answer(unfinished("half"));
      const stream = uses(llm).stream(request, { signal });
      expect(await stream.next()).toMatchObject({ value: { delta: "half" } });
      expect(await crash(() => stream.next())).toMatchObject({ code: "PLUGIN_GONE", retryable: true });
      await model.cut(model.models.at(-1)!);
      model.answer(says("again"));
      expect((await readStream(uses(llm).stream(request, { signal }))).answer.stopReason).toBe("stop");
    });
});

inEveryMode("routing as the router", (mode, test) => {
  test("a message belongs to the same session of the same agent, and an agent that there is not has its code", async () => {
    await using kit = await start("routing", { mode });
    const io = { signal: kit.signal };
    expect(await kit.uses(router).route({ message: message("1", "ada") }, io)).toEqual({
      agentId: "main",
      sessionKey: "agent:main:scripted:default:room-7",
      owner: false,
    });
    expect((await kit.uses(router).agents({}, io)).agents.map(({ id }) => id)).toEqual(["main"]);
    await expect(kit.uses(router).agent({ agentId: "ghost" }, io)).rejects.toMatchObject({ code: "ROUTER_AGENT_UNKNOWN" });
    await kit.unload();
    expect(kit.residue()).toEqual([]);
  });
});

inEveryMode("pairing as the policy of senders", (mode, test) => {
  test("the same message is judged alike, however often it comes and whatever happens in between", async () => {
    await using kit = await start("pairing", { mode });
    const io = { signal: kit.signal };
    const judge = (eventId: string, from: string, rules = {}) =>
      kit.uses(senderPolicy).judge({ message: message(eventId, from), rules }, io);
    const first = await judge("1", "eve");
    expect(first).toMatchObject({ admit: false, owner: false });
    expect(first.reply?.text).toMatch(/code is `[A-Z0-9]{8}`/);
    const second = await judge("2", "eve");
    expect(second.reply).toBeUndefined();
    if (mode === "process") await kit.crash();
    expect(await judge("1", "eve")).toEqual(first);
    expect(await judge("2", "eve")).toEqual(second);
    const [, code = ""] = /code is `(\w+)`/.exec(first.reply?.text ?? "") ?? [];
    await kit.call("pairing.approve", { code });
    expect(await judge("3", "eve")).toEqual({ admit: true, owner: false });
    expect(await judge("1", "eve")).toEqual(first);
    expect(await judge("2", "eve")).toMatchObject({ admit: false });
    expect(await judge("4", "bob", { allowFrom: ["bob"] })).toEqual({ admit: true, owner: false });
    await kit.unload();
    expect(kit.residue()).toEqual([]);
  });
});

async function startDelivery(mode: Mode) {
  await using opened = new AsyncDisposableStack();
  const gate = Promise.withResolvers<void>();
  let held = false;
  const platform = startPlatform({ at: async (moment) => (held && moment === "posted" ? gate.promise : undefined) });
  opened.defer(() => platform.stop());
  const kit = opened.use(
    await start("delivery", {
      mode,
      folders: [join(repository, "tests", "fixtures", "plugins")],
      enable: ["scripted-channel"],
      config: {
        defaults: { retryFirstMs: 1, reconnectFirstMs: 1 },
        scripted: { url: platform.url, allowFrom: ["ada"], direct: "allowlist" },
      },
    }),
  );
  const lifetime = opened.move();
  const hold = () => {
    held = true;
    return () => {
      held = false;
      gate.resolve();
    };
  };
  return { platform, kit, hold, [Symbol.asyncDispose]: () => lifetime.disposeAsync() };
}

inEveryMode("delivery as the inbox and the outbox", (mode, test) => {
  test("what a channel hands in is taken once, of those who are let in; what goes out goes out once", async () => {
    await using house = await startDelivery(mode);
    const { kit, platform } = house;
    const io = { signal: kit.signal };
    const accept = async (eventId: string, from: string) =>
      (await kit.uses(inbox, "delivery").accept({ message: message(eventId, from) }, io)).status;
    expect([await accept("e1", "mallory"), await accept("e2", "ada"), await accept("e2", "ada")]).toEqual([
      "refused",
      "accepted",
      "duplicate",
    ]);
    expect(await platform.message(0)).toMatchObject({ room: "room-7", text: expect.stringContaining("hello") });
    const out = { address: { channel: "scripted", account: "default", conversation: "room-8" }, text: "by the way", key: "k1" };
    await kit.uses(outbox, "delivery").send(out, io);
    expect(await platform.message(1)).toMatchObject({ room: "room-8", text: "by the way" });
    await kit.uses(outbox, "delivery").send(out, io);
    await kit.uses(outbox, "delivery").send({ ...out, text: "and", key: "k2" }, io);
    expect(await platform.message(2)).toMatchObject({ text: "and" });
  });

  if (mode === "process")
    test("killed while a message is under way, it claims nothing, repeats nothing, and goes on", async () => {
      await using house = await startDelivery(mode);
      const { kit, platform } = house;
      const release = house.hold();
      platform.say("room-1", "ada", "first");
      await platform.message(0);
      await kit.crash();
      release();
      platform.say("room-1", "ada", "second");
      expect((await platform.message(1)).text).toContain("second");
      expect(platform.posted.filter(({ text }) => text.includes("first"))).toHaveLength(1);
    });
});

inEveryMode("the agent", (mode, test) => {
  const kit = shared((): Promise<PluginKit> => start("agent", { mode }));

  test("answers, with tools, and says how a turn failed", async () => {
    const { model, say } = await kit();
    model.answer([asks("list", { path: "." })], says("There you are."), [{ fail: "billing", message: "the account is empty" }]);
    expect(await say("what is there?")).toMatchObject({
      text: "There you are.",
      state: "final",
      toolResults: [{ name: "list", isError: false }],
    });
    expect(await say("and now?")).toMatchObject({ state: "error", error: expect.stringContaining("the account is empty") });
  });

  if (mode === "process")
    test("killed in the middle of a turn, it takes the turn up again, and answers once", async () => {
      const { model, say, crash, log } = await kit();
      const before = model.models.length;
      model.answer(unfinished("Half of "), says("The whole of it."));
      const reply = say("tell me");
      const half = await model.modelCall(before);
      await crash();
      await model.cut(half);
      expect(await reply).toMatchObject({ state: "final", text: "The whole of it." });
      expect(log.filter(({ event }) => event === "plugin.crashed")).toHaveLength(1);
    });
});

/** What every provider promises, checked in a real gateway, in every mode, against a scripted vendor. */
import { expect } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { ModelAnswer, type ModelEvent, type ModelRequest, provider } from "../contracts/provider.ts";
import type { Message, ToolCallBlock } from "../message.ts";
import { INVALID_ARGUMENTS } from "../provider/answer.ts";
import { inEveryMode, shared } from "./every-mode.ts";
import { hostileVendorTests } from "./hostile-vendor.ts";
import type { Mode } from "./modes.ts";
import type { ProviderSuite } from "./provider-claims.ts";
import { type Fixture, fixtureOf, startBoth } from "./provider-fixture.ts";
import { spoil } from "./spoilt-stream.ts";
import type { VendorAnswer, VendorCall } from "./vendor-script.ts";

export type { ProviderSuite };

export const modelRequest = (model: string, messages: readonly Message[], more: Partial<ModelRequest> = {}): ModelRequest => ({
  model,
  system: [{ text: "You are a test.", cache: true }],
  messages: [...messages],
  tools: [],
  thinking: "low",
  ...more,
});
export const userMessage = (text: string): Message => ({ role: "user", content: text, timestamp: 1 });
export const toolSpec = (name: string) => ({
  name,
  description: `The tool ${name}.`,
  parameters: { type: "object", properties: { path: { type: "string" } } },
});
const toolResult = (toolCallId: string, toolName: string, text: string): Message => ({
  role: "toolResult",
  toolCallId,
  toolName,
  content: [{ type: "text", text }],
  isError: false,
  timestamp: 2,
});

/** Reads a stream to its end, and tells `seen` of each event as it comes. */
export async function readStream(
  stream: AsyncGenerator<ModelEvent, ModelAnswer, void>,
  seen: (event: ModelEvent) => void = () => undefined,
): Promise<{ events: ModelEvent[]; answer: ModelAnswer }> {
  const events: ModelEvent[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done) return { events, answer: next.value };
    events.push(next.value);
    seen(next.value);
  }
}

/** How many spoilt streams each provider is given. Its code is the same over a border, which adds only its own. */
const SPOILT: Readonly<Record<Mode, number>> = { inline: 300, loopback: 30, process: 30 };
const textOf = (events: readonly ModelEvent[], type: "text" | "thinking" = "text") =>
  events.flatMap((event) => (event.type === type ? [event.delta] : [])).join("");
const blocksOf = <T extends string>(answer: ModelAnswer, type: T) =>
  answer.message.content.filter((block): block is Extract<typeof block, { type: T }> => block.type === type);
const never = () => new AbortController().signal;

export function providerSuite(suite: ProviderSuite): void {
  const { model } = suite;
  const ask = async ({ vendor, provider }: Fixture, answer: VendorAnswer, more: Partial<ModelRequest> = {}) => {
    vendor.answer(answer);
    const messages = more.messages ?? [userMessage("hello")];
    return readStream(provider.stream(modelRequest(model, messages, more), { signal: never() }));
  };
  const call = (id: string, name: string, args: unknown) => ({ toolCall: { id, name, arguments: JSON.stringify(args) } });

  inEveryMode(`${suite.name} keeps the promises of a provider`, (mode, test) => {
    const both = shared(() => startBoth(suite, mode));
    const start = async () => fixtureOf(await both(), mode);

    test("text streams as it comes, and the answer holds all of it", async () => {
      const fixture = await start();
      const { events, answer } = await ask(fixture, { steps: [{ text: ["Hel", "lo, ", "world"] }] });
      expect(events).toEqual([
        { type: "text", index: 0, delta: "Hel" },
        { type: "text", index: 0, delta: "lo, " },
        { type: "text", index: 0, delta: "world" },
      ]);
      expect(answer.message.content).toEqual([{ type: "text", text: "Hello, world" }]);
      expect(answer).toMatchObject({ stopReason: "stop", message: { role: "assistant", stopReason: "stop" } });
      expect(`${answer.message.provider}/${answer.message.model}`).toBe(model);
    });

    test("the first delta is there before the vendor has finished", async () => {
      const fixture = await start();
      const gate = Promise.withResolvers<void>();
      fixture.vendor.answer({ steps: [{ text: ["early"] }, { text: ["late"] }], hold: { before: 1, until: gate.promise } });
      const stream = fixture.provider.stream(modelRequest(model, [userMessage("hello")]), { signal: never() });
      expect(await stream.next()).toMatchObject({ done: false, value: { type: "text", delta: "early" } });
      gate.resolve();
      expect(textOf((await readStream(stream)).events)).toBe("late");
    });

    test("thinking streams before the text, in a block of its own", async () => {
      const fixture = await start();
      const thinking = { thinking: ["Let me ", "see."], ...(suite.signs ? { signature: "proof-1" } : {}) };
      const { events, answer } = await ask(fixture, { steps: [thinking, { text: ["Done."] }] });
      expect(textOf(events, "thinking")).toBe("Let me see.");
      expect(events.findIndex(({ type }) => type === "text")).toBeGreaterThan(events.findLastIndex(({ type }) => type === "thinking"));
      expect(answer.message.content).toMatchObject([
        { type: "thinking", thinking: "Let me see." },
        { type: "text", text: "Done." },
      ]);
    });

    test("an answer that nobody reads before its end is the same one", async () => {
      const steps = [
        { thinking: ["Let me ", "see."], ...(suite.signs ? { signature: "proof-1" } : {}) },
        { text: ["Grüße, ", "日本語"] },
        call("call_a", "files_list", { path: "über/ün" }),
        call("call_b", "files_read", { path: "b" }),
      ];
      const usage = { input: 100, output: 20, cacheRead: 900, cacheWrite: 50 };
      const answered = async (whole: boolean) => {
        const { answer, events } = await ask(await start(), { steps, usage, chunkBytes: 5 }, { whole, tools: [toolSpec("files_list")] });
        expect(textOf(events)).toBe("Grüße, 日本語");
        return { ...answer, message: { ...answer.message, timestamp: 0 } };
      };
      const told = await answered(false);
      expect(await answered(true)).toEqual(told);
      const { vendor, provider } = await start();
      if (provider.answer) {
        vendor.answer({ steps, usage, chunkBytes: 5 });
        const request = modelRequest(model, [userMessage("hello")], { tools: [toolSpec("files_list")] });
        const answer = await provider.answer(request, { signal: never() });
        expect({ ...answer, message: { ...answer.message, timestamp: 0 } }).toEqual(told);
      }
      for (const end of ["reset", "close", "malformed"] as const) {
        const { answer } = await ask(await start(), { steps: [{ text: ["cut"] }], end }, { whole: true });
        expect([end, answer.stopReason, answer.failure?.class]).toEqual([end, "error", "network"]);
      }
    });

    test("parallel tool calls are announced as they begin, and come whole in their order", async () => {
      const fixture = await start();
      const steps = [
        { text: ["Looking."] },
        call("call_a", "files_list", { path: "über/ün" }),
        call("call_b", "files_read", { path: "b", deep: { list: [1, 2] } }),
      ];
      const { events, answer } = await ask(fixture, { steps }, { tools: [toolSpec("files_list"), toolSpec("files_read")] });
      expect(events.filter(({ type }) => type === "tool-call")).toEqual([
        { type: "tool-call", index: 1, id: "call_a", name: "files_list" },
        { type: "tool-call", index: 2, id: "call_b", name: "files_read" },
      ]);
      expect(blocksOf(answer, "toolCall")).toEqual([
        { type: "toolCall", id: "call_a", name: "files_list", arguments: { path: "über/ün" } },
        { type: "toolCall", id: "call_b", name: "files_read", arguments: { path: "b", deep: { list: [1, 2] } } },
      ]);
      expect(answer.stopReason).toBe("toolUse");
    });

    test("a call without arguments has none, and arguments that are no JSON reach the tool to be refused", async () => {
      const fixture = await start();
      const steps = [
        { toolCall: { id: "call_a", name: "now", arguments: "" } },
        { toolCall: { id: "call_b", name: "files_read", arguments: '{"path": unquoted}' } },
      ].slice(0, suite.argumentsAreValues ? 1 : 2);
      const { answer } = await ask(fixture, { steps }, { tools: [toolSpec("now"), toolSpec("files_read")] });
      const calls = blocksOf(answer, "toolCall") as readonly ToolCallBlock[];
      const expected = [{}, { [INVALID_ARGUMENTS]: '{"path": unquoted}' }].slice(0, steps.length);
      expect(calls.map(({ arguments: given }) => given)).toEqual(expected);
    });

    test("tool results go back under their calls; a call that was interrupted is told so, a stray result is left out", async () => {
      const fixture = await start();
      const first = await ask(
        fixture,
        { steps: [call("call_a", "files_read", { path: "a" }), call("call_b", "files_read", { path: "b" })] },
        { tools: [toolSpec("files_read")] },
      );
      const messages = [
        userMessage("read a and b"),
        first.answer.message,
        toolResult("call_a", "files_read", "contents of a"),
        toolResult("stray", "files_read", "nobody asked"),
        userMessage("go on"),
      ];
      const { answer } = await ask(fixture, { steps: [{ text: ["ok"] }] }, { messages, tools: [toolSpec("files_read")] });
      expect(answer.stopReason).toBe("stop");
      const request = await fixture.vendor.received(2);
      expect(suite.sent.toolResult(request, "call_a")).toContain("contents of a");
      expect(suite.sent.toolResult(request, "call_b")).toContain("interrupted");
      expect(suite.sent.toolResult(request, "stray")).toBeUndefined();
    });

    test("ids that another vendor made are made acceptable, the same for the call and its result", async () => {
      const fixture = await start();
      const id = `call|${"x".repeat(80)}|fc_1`;
      const messages: Message[] = [
        userMessage("list"),
        {
          role: "assistant",
          content: [{ type: "toolCall", id, name: "files_list", arguments: {} }],
          timestamp: 1,
          provider: "elsewhere",
          model: "other",
          api: "other-api",
        },
        toolResult(id, "files_list", "a.txt"),
      ];
      await ask(fixture, { steps: [{ text: ["ok"] }] }, { messages, tools: [toolSpec("files_list")] });
      const ids = JSON.stringify(fixture.vendor.ledger[0]?.body).match(/call_[a-z0-9]+_x+_fc_1/g) ?? [];
      expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
      expect(suite.sent.toolResult(await fixture.vendor.received(1), ids[0] ?? "")).toContain("a.txt");
      expect(ids.every((one) => one.length <= 64)).toBe(true);
    });

    if (suite.signs) {
      test("signed and redacted thinking are given back unchanged, and never to another model", async () => {
        const fixture = await start();
        const steps = [{ thinking: ["Hmm."], signature: "proof-1" }, { redacted: "sealed-2" }, call("call_a", "files_list", {})];
        const first = await ask(fixture, { steps }, { tools: [toolSpec("files_list")] });
        expect(blocksOf(first.answer, "thinking").map(({ redacted }) => redacted === true)).toEqual([false, true]);
        const messages = [userMessage("list"), first.answer.message, toolResult("call_a", "files_list", "a.txt")];
        await ask(fixture, { steps: [{ text: ["ok"] }] }, { messages, tools: [toolSpec("files_list")] });
        expect(suite.sent.signatures(await fixture.vendor.received(2))).toEqual(["proof-1", "sealed-2"]);
        const foreign = messages.map((message) => (message.role === "assistant" ? { ...message, model: "another" } : message));
        await ask(fixture, { steps: [{ text: ["ok"] }] }, { messages: foreign, tools: [toolSpec("files_list")] });
        expect(suite.sent.signatures(await fixture.vendor.received(3))).toEqual([]);
      });
    }

    test("images of people and of tools reach the model, and documents where it reads them", async () => {
      const fixture = await start();
      const image = (data: string) => ({ type: "image" as const, data, mimeType: "image/png" });
      const pdf = { type: "document" as const, mimeType: "application/pdf", data: "JVBERi0=" };
      const pdfs = suite.sent.documents ? [{ ...pdf, name: "letter.pdf" }, pdf] : [];
      const messages: Message[] = [
        { role: "user", content: [{ type: "text", text: "what is this?" }, image("aW1hZ2Ux"), ...pdfs], timestamp: 1 },
        { role: "assistant", content: [{ type: "toolCall", id: "call_a", name: "shot", arguments: {} }], timestamp: 2 },
        { role: "toolResult", toolCallId: "call_a", toolName: "shot", content: [image("aW1hZ2Uy")], isError: false, timestamp: 3 },
      ];
      await ask(fixture, { steps: [{ text: ["a cat"] }] }, { messages, tools: [toolSpec("shot")] });
      const sent = await fixture.vendor.received(1);
      expect(suite.sent.images(sent)).toEqual(["aW1hZ2Ux", "aW1hZ2Uy"]);
      expect(suite.sent.documents?.(sent) ?? []).toEqual(pdfs.map(({ data }) => data));
    });

    const { shape } = suite.sent;
    if (shape) {
      test("what is asked of an answer's form reaches the vendor, and nothing else is said", async () => {
        const fixture = await start();
        const sentFor = async (more: Partial<ModelRequest>) => {
          await ask(fixture, { steps: [{ text: ["{}"] }] }, more);
          return shape(fixture.vendor.ledger.at(-1) as VendorCall);
        };
        const tools = [toolSpec("files_list"), toolSpec("files_read")];
        for (const choice of ["auto", "none", "required"] as const)
          expect((await sentFor({ tools, toolChoice: choice })).toolChoice).toBe(choice);
        expect(await sentFor({ tools, toolChoice: { name: "files_read" }, parallelTools: false })).toMatchObject({
          toolChoice: "files_read",
          parallelTools: false,
        });
        const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
        expect((await sentFor({ responseFormat: { type: "json-schema", name: "answer", schema } })).schema).toEqual(schema);
        const stops = (await sentFor({ stop: ["END", "STOP"] })).stop;
        expect([stops]).toEqual([suite.knowsNoStops ? undefined : ["END", "STOP"]]);
        const { thinking, ...request } = modelRequest(model, [userMessage("hello")], { tools });
        fixture.vendor.answer({ steps: [{ text: ["ok"] }] });
        expect(thinking).toBeDefined();
        await readStream(fixture.provider.stream(request, { signal: never() }));
        expect(shape(fixture.vendor.ledger.at(-1) as VendorCall)).toEqual({
          toolChoice: undefined,
          parallelTools: undefined,
          schema: undefined,
          stop: undefined,
          thinking: false,
        });
      });
    }

    test("probabilities of tokens are asked of the vendor, or refused as nothing that it has", async () => {
      const fixture = await start();
      const request = modelRequest(model, [userMessage("hello")], { logprobs: 2 });
      // Nothing is scripted: whoever asks all the same is told so.
      const { answer } = await readStream(fixture.provider.stream(request, { signal: never() }));
      const { length } = fixture.vendor.ledger;
      expect([answer.failure?.class, length]).toEqual(length === 0 ? ["bad-request", 0] : ["network", 1]);
    });

    test("usage tells cached tokens from fresh ones", async () => {
      const fixture = await start();
      const usage = { input: 100, output: 20, cacheRead: 900, cacheWrite: 50 };
      const { answer } = await ask(fixture, { steps: [{ text: ["ok"] }], usage });
      const read = suite.countsNoCache ? { input: 1050, output: 20, cacheRead: 0, cacheWrite: 0 } : usage;
      const counted = suite.countsNoCacheWrites ? { ...read, cacheWrite: 0 } : read;
      const totalTokens = counted.input + counted.output + counted.cacheRead + counted.cacheWrite;
      expect(answer.usage).toEqual({ ...counted, totalTokens, cost: suite.charges ?? null });
      expect(answer.message.usage).toEqual(answer.usage);
    });

    test("an answer that ran into its limit says so, and half a call is not run", async () => {
      const fixture = await start();
      const half = { toolCall: { id: "call_a", name: "write", arguments: '{"path": "a", "text": "unfin' } };
      const steps = [{ text: ["so far"] }, ...(suite.argumentsAreValues ? [] : [half])];
      const { answer } = await ask(fixture, { steps, stop: "length" }, { tools: [toolSpec("write")] });
      expect(answer.stopReason).toBe("length");
      expect(answer.message.content).toEqual([{ type: "text", text: "so far" }]);
    });

    if (!suite.knowsNoRefusal) {
      test("a refusal is told as one", async () => {
        const fixture = await start();
        const { answer } = await ask(fixture, { steps: [{ refusal: ["I cannot ", "help with that."] }] });
        expect(answer).toMatchObject({ stopReason: "refusal", failure: { class: "refusal" } });
        expect(blocksOf(answer, "text").map(({ text }) => text)).toEqual(["I cannot help with that."]);
      });
    }

    test("characters survive a stream that is cut at every byte, keep-alives between", async () => {
      const fixture = await start();
      const text = ["Grüße, ", "日本語 ", "👩‍👩‍👧‍👦 ", "\u2028line"];
      const steps = [{ text }, call("call_a", "files_read", { path: "ß/日本/👍.txt" })];
      const { answer } = await ask(fixture, { steps, chunkBytes: 1, keepAlive: true }, { tools: [toolSpec("files_read")] });
      expect(blocksOf(answer, "text")[0]?.text).toBe(text.join(""));
      expect(blocksOf(answer, "toolCall")[0]?.arguments).toEqual({ path: "ß/日本/👍.txt" });
    });

    test("an abort ends the stream with what had come, and reaches the vendor", async () => {
      const fixture = await start();
      fixture.vendor.answer({ steps: [{ text: ["so far"] }], end: "hang" });
      const caller = new AbortController();
      const stream = fixture.provider.stream(modelRequest(model, [userMessage("hello")]), { signal: caller.signal });
      await stream.next();
      caller.abort();
      const { answer } = await readStream(stream);
      expect(answer.stopReason).toBe("aborted");
      expect(answer.message.content).toEqual([{ type: "text", text: "so far" }]);
      await (await fixture.vendor.received(1)).left;
      expect(fixture.timers()).toBe(0);
    });

    test("an abort before the first byte ends it too", async () => {
      const fixture = await start();
      fixture.vendor.answer({ hold: { before: 0, until: new Promise(() => undefined) } });
      const caller = new AbortController();
      const reading = readStream(fixture.provider.stream(modelRequest(model, [userMessage("hello")]), { signal: caller.signal }));
      const request = await fixture.vendor.received(1);
      caller.abort();
      expect((await reading).answer).toMatchObject({ stopReason: "aborted", message: { content: [] } });
      await request.left;
    });

    test("a caller that is already gone costs no request", async () => {
      const fixture = await start();
      const signal = AbortSignal.abort(new Error("given up"));
      await expect(readStream(fixture.provider.stream(modelRequest(model, [userMessage("hello")]), { signal }))).rejects.toThrow(
        "given up",
      );
      expect(fixture.vendor.ledger).toHaveLength(0);
    });

    test("a reader that stops reading ends the request", async () => {
      const fixture = await start();
      fixture.vendor.answer({ steps: [{ text: ["so far"] }], end: "hang" });
      for await (const event of fixture.provider.stream(modelRequest(model, [userMessage("hello")]), { signal: never() })) {
        expect(event.type).toBe("text");
        break;
      }
      await (await fixture.vendor.received(1)).left;
      expect(fixture.timers()).toBe(0);
    });

    test("a vendor that falls silent is given up after the set time", async () => {
      const fixture = await start();
      fixture.vendor.answer({ steps: [{ text: ["so far"] }], end: "hang" });
      const stream = fixture.provider.stream(modelRequest(model, [userMessage("hello")]), { signal: never() });
      await stream.next();
      const rest = readStream(stream);
      await fixture.silence();
      const { answer } = await rest;
      expect(answer).toMatchObject({ stopReason: "error", failure: { class: "timeout" } });
      expect(answer.message.content).toEqual([{ type: "text", text: "so far" }]);
      await (await fixture.vendor.received(1)).left;
    });

    for (const end of ["reset", "close", "malformed", "error"] as const) {
      test(`a stream that breaks off (${end}) returns what had come, and says that it broke`, async () => {
        const fixture = await start();
        const steps = [{ text: ["half a ", "sentence"] }, call("call_a", "files_read", { path: "a" })];
        // A reset takes what is still under way with it, so it waits until all of that was read.
        const read = Promise.withResolvers<void>();
        fixture.vendor.answer({ steps, end, hold: { before: steps.length, until: read.promise } });
        const request = modelRequest(model, [userMessage("hello")], { tools: [toolSpec("files_read")] });
        const { events, answer } = await readStream(fixture.provider.stream(request, { signal: never() }), ({ type }) => {
          if (type === "tool-call") read.resolve();
        });
        expect(textOf(events)).toBe("half a sentence");
        expect(answer.message.content).toEqual([{ type: "text", text: "half a sentence" }]);
        expect(answer.stopReason).toBe("error");
        expect(answer.failure?.message).not.toBe("");
        expect(["network", "overloaded"]).toContain(answer.failure?.class as string);
        expect(fixture.vendor.ledger).toHaveLength(1);
      });
    }

    test("events spoilt in any way end in an answer, never in a rejection", async () => {
      const fixture = await start();
      const steps = [{ thinking: ["hm"], signature: "proof" }, { text: ["one", "two"] }, call("call_a", "files_read", { path: "a" })];
      fixture.vendor.answer({ steps });
      const request = modelRequest(model, [userMessage("hello")], { tools: [toolSpec("files_read")] });
      await readStream(fixture.provider.stream(request, { signal: never() }));
      const events = fixture.vendor.eventsOf({ steps }, (await fixture.vendor.received(1)).path);
      for (let seed = 1; seed <= SPOILT[mode]; seed++) {
        fixture.vendor.answer({ raw: spoil(events, seed) });
        const { answer } = await readStream(fixture.provider.stream(request, { signal: never() }));
        if (!Value.Check(ModelAnswer, answer)) throw new Error(`seed ${seed}: ${JSON.stringify(answer)}`);
        expect(answer.stopReason === "error").toBe(answer.failure !== undefined && answer.failure.class !== "refusal");
      }
    });

    for (const failure of suite.failures.filter(({ dated }) => mode !== "process" || !dated)) {
      test(`${failure.title} is ${failure.class}, asked once and not again`, async () => {
        const fixture = await start();
        const { events, answer } = await ask(fixture, { error: failure.error });
        expect(events).toEqual([]);
        expect(answer).toMatchObject({ stopReason: "error", failure: { class: failure.class, status: failure.error.status } });
        expect(answer.failure?.retryAfterMs).toBe(failure.retryAfterMs as number);
        expect(answer.message.errorMessage).toContain(failure.error.message.slice(0, 20));
        expect(fixture.vendor.ledger).toHaveLength(1);
      });
    }

    test("a probe, where there is one, asks no model, and tells that nobody is there", async () => {
      await using alone = await startBoth(suite, mode);
      const { probe } = alone.kit.uses(provider);
      if (!probe) return;
      const asked = { endpoint: model.slice(0, model.indexOf("/")) };
      expect(await probe(asked, { signal: never() })).toEqual({});
      expect(alone.vendor.ledger).toHaveLength(0);
      await alone.vendor[Symbol.asyncDispose]();
      expect(await probe(asked, { signal: never() })).toMatchObject({ failure: { class: "network" } });
    });

    test("nobody at the vendor's address is a failure of the network, told with the address", async () => {
      await using alone = await startBoth(suite, mode);
      await alone.vendor[Symbol.asyncDispose]();
      const stream = alone.kit.uses(provider).stream(modelRequest(model, [userMessage("hello")]), { signal: never() });
      const { answer } = await readStream(stream);
      expect(answer).toMatchObject({ stopReason: "error", failure: { class: "network" } });
      expect(answer.failure?.message).toContain("127.0.0.1");
    });

    test("a model of an endpoint that does not exist fails without being asked for", async () => {
      const fixture = await start();
      const stream = fixture.provider.stream(modelRequest("nowhere/model", [userMessage("hello")]), { signal: never() });
      expect((await readStream(stream)).answer).toMatchObject({ stopReason: "error", failure: { class: "bad-request" } });
      expect(fixture.vendor.ledger).toHaveLength(0);
    });

    hostileVendorTests({
      test,
      isText: suite.speaksBytes !== true,
      async ask(scripted) {
        const fixture = await start();
        const { answer } = await ask(fixture, scripted);
        return { answer, call: fixture.vendor.ledger.at(-1) };
      },
    });

    if (mode === "process") {
      test("killed in the middle of a stream, it is told as gone behind what had come, and answers the next", async () => {
        const fixture = await start();
        fixture.vendor.answer({ steps: [{ text: ["so far"] }], end: "hang" });
        const stream = fixture.provider.stream(modelRequest(model, [userMessage("hello")]), { signal: never() });
        expect(await stream.next()).toMatchObject({ done: false, value: { type: "text", delta: "so far" } });
        expect(await fixture.kit.crash(() => stream.next())).toMatchObject({ code: "PLUGIN_GONE", retryable: true });
        await (await fixture.vendor.received(1)).left;
        expect((await ask(fixture, { steps: [{ text: ["again"] }] })).answer.message.content).toEqual([{ type: "text", text: "again" }]);
      });
    }

    test("unloading leaves nothing behind", async () => {
      const { kit } = await both();
      await kit.unload();
      expect(kit.residue()).toEqual([]);
    });
  });
}

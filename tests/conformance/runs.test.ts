/** The events of a run, frame by frame (`protocol` sections 5.1, 5.2 and 8). */
import { describe, expect } from "bun:test";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { asks, type Step, says } from "@pincer/plugin-sdk/testing/script";
import { inEachIsolation, MAIN, type Payload, startHouse } from "./house.ts";
import { place, trace } from "./trace.ts";

const eventsOf = (client: WireClient, event: string, runId: string): Payload[] =>
  client.eventsOf(event).filter((payload) => payload["runId"] === runId);
const terminals = (client: WireClient, runId: string) =>
  eventsOf(client, "chat", runId)
    .map(({ state }) => state)
    .filter((state) => state !== "status" && state !== "delta");

/** An answer that says one word and then nothing more. */
async function* endless(_request: unknown, signal: AbortSignal): AsyncGenerator<Step> {
  yield { text: "well" };
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}
async function* silent(_request: unknown, signal: AbortSignal): AsyncGenerator<Step> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}
/** An answer that waits until it may end. */
function gated(text: string) {
  const gate = Promise.withResolvers<void>();
  const answer = async function* (): AsyncGenerator<Step> {
    yield { text };
    await gate.promise;
  };
  return { answer, open: gate.resolve };
}
const tools = ["tool start", "tool update", "tool result"];
const withTool = (first: string) => [
  ...[first, "lifecycle start", "row busy", "lifecycle model", "assistant", "chat delta", ...tools, "assistant", "chat delta"],
  ...["usage", "lifecycle finishing", "lifecycle end", "chat final", "row idle"],
];

async function start(isolation: "inline" | "process") {
  const house = await startHouse({ isolation, config: { plugins: { agent: { config: { modelRetries: 0 } } } } });
  await house.client.call("sessions.messages.subscribe", { key: MAIN });
  return house;
}

inEachIsolation(start, (house, test) => {
  const started = (runId: string) => house().client.event("chat", (payload) => payload["runId"] === runId && payload["state"] === "delta");

  function answerWithTool(): void {
    house().script.answer([{ text: "Let me look." }, asks("look")], says("Found", " it."));
    house().script.tool("look", async function* () {
      yield { progress: "looking" };
      yield { content: [{ type: "text", text: "a cat" }] };
    });
  }

  describe("chat.send", () => {
    test("is answered first, then told: start, model, text, tools, usage, end, final, and the row that nothing runs any more", async () => {
      answerWithTool();
      const runId = await house().say("look it up");
      const final = await house().settled(runId);
      expect(trace(house().client.frames, runId)).toEqual(withTool("res started"));
      expect(final).toMatchObject({ state: "final", sessionKey: MAIN, agentId: "main", stopReason: "stop" });
      expect(final["message"]).toMatchObject({ role: "assistant", content: [{ type: "text", text: "Let me look.\n\nFound it." }] });
    });

    test("deltas add up to the final text, and each carries all of the text so far", async () => {
      house().script.answer(says("one ", "two ", "three"));
      const runId = await house().say("count");
      await house().settled(runId);
      let text = "";
      for (const { state, deltaText, message } of eventsOf(house().client, "chat", runId)) {
        if (state === "delta") text += String(deltaText);
        if (state === "delta" || state === "final") expect(message).toMatchObject({ content: [{ type: "text", text }] });
      }
      expect(text).toBe("one two three");
      let shown = "";
      for (const { stream, data } of eventsOf(house().client, "agent", runId)) {
        if (stream === "assistant") shown += String((data as Payload)["delta"]);
        if (stream === "assistant") expect(data).toMatchObject({ text: shown });
      }
      expect(shown).toBe(text);
    });

    test("the working indicator goes out: behind the terminal event the row says that nothing runs, and history knows the run", async () => {
      const runId = await house().say("hello");
      await house().settled(runId);
      const { frames } = house().client;
      const row = frames[place(frames, runId, "row idle")]!.payload as Payload;
      expect(place(frames, runId, "chat final")).toBeLessThan(place(frames, runId, "row idle"));
      expect(row).toMatchObject({ sessionKey: MAIN, session: { key: MAIN, hasActiveRun: false, activeRunIds: [] } });
      const { messages } = await house().client.call<{ messages: Payload[] }>("chat.history", { sessionKey: MAIN });
      expect(messages.filter(({ role }) => role === "user").at(-1)).toMatchObject({ content: "hello", idempotencyKey: `${runId}:user` });
      expect(place(frames, runId, "message user")).toBeLessThan(place(frames, runId, "message assistant"));
      const { agents } = await house().client.call<{ agents: Payload[] }>("agents.list", {});
      expect(agents[0]).toMatchObject({ id: "main", model: { primary: expect.any(String) } });
    });

    test("a repetition is answered with how the run is, and begins nothing", async () => {
      const { answer, open } = gated("once");
      house().script.answer(answer);
      const params = { sessionKey: MAIN, message: "again?", idempotencyKey: "repeated-chat" };
      const calls = house().script.models.length;
      expect(await house().client.call<Payload>("chat.send", params)).toMatchObject({ runId: "repeated-chat", status: "started" });
      await started("repeated-chat");
      expect(await house().client.call<Payload>("chat.send", params)).toMatchObject({ runId: "repeated-chat", status: "in_flight" });
      open();
      await house().settled("repeated-chat");
      await house().client.call("agent.wait", { runId: "repeated-chat" });
      expect(await house().client.call<Payload>("chat.send", params)).toEqual({ runId: "repeated-chat", status: "ok" });
      expect(house().script.models).toHaveLength(calls + 1);
      expect(terminals(house().client, "repeated-chat")).toEqual(["final"]);
    });
  });

  describe("agent", () => {
    test("is answered twice: accepted before anything is told, and the result behind the final event", async () => {
      answerWithTool();
      const { accepted, final } = house().client.callTwice("agent", { message: "look", idempotencyKey: "twice" });
      expect(await accepted).toMatchObject({ runId: "twice", sessionKey: MAIN, agentId: "main", status: "accepted" });
      expect(await final).toMatchObject({ runId: "twice", status: "ok", result: { payloads: [{ text: "Let me look.\n\nFound it." }] } });
      await house().settled("twice");
      const seen = trace(house().client.frames, "twice");
      expect(seen.filter((word) => word !== "res ok")).toEqual(withTool("res accepted"));
      expect(seen.indexOf("res ok")).toBeGreaterThan(seen.indexOf("chat final"));
    });

    test("a repetition gets the result again, at once and alone", async () => {
      const params = { message: "do it", idempotencyKey: "repeated-agent" };
      const result = await house().client.callTwice("agent", params).final;
      const calls = house().script.models.length;
      expect(await house().client.call<Payload>("agent", params)).toEqual(result);
      expect(house().script.models).toHaveLength(calls);
    });

    test("while it runs, a repetition waits for the same result", async () => {
      const { answer, open } = gated("slow");
      house().script.answer(answer);
      const params = { message: "slowly", idempotencyKey: "waiting-agent" };
      const first = house().client.callTwice("agent", params);
      await started("waiting-agent");
      const again = house().client.callTwice("agent", params);
      expect(await again.accepted).toMatchObject({ runId: "waiting-agent", status: "accepted" });
      open();
      expect(await again.final).toEqual(await first.final);
    });
  });

  describe("a run that is stopped", () => {
    test("ends as aborted before the answer to chat.abort, and keeps what it had said", async () => {
      house().script.answer(endless);
      const runId = await house().say("go on");
      await started(runId);
      expect(await house().client.call<Payload>("chat.abort", { sessionKey: MAIN, runId })).toEqual({
        ok: true,
        aborted: true,
        runIds: [runId],
      });
      const answered = house().client.frames.findIndex(
        ({ payload }) => (payload as Payload | undefined)?.["aborted"] === true && (payload as Payload)["ok"] === true,
      );
      expect(place(house().client.frames, runId, "chat aborted")).toBeLessThan(answered);
      await house().settled(runId);
      expect(trace(house().client.frames, runId)).toEqual([
        ...["res started", "lifecycle start", "row busy", "lifecycle model", "assistant", "chat delta"],
        ...["lifecycle end", "chat aborted", "row idle"],
      ]);
      expect(eventsOf(house().client, "agent", runId).at(-1)).toMatchObject({
        data: { phase: "end", status: "cancelled", aborted: true, stopReason: "rpc" },
      });
      expect(eventsOf(house().client, "chat", runId).at(-1)).toMatchObject({
        state: "aborted",
        stopReason: "rpc",
        message: { content: [{ text: "well" }] },
      });
    });

    test("ends as aborted too when the model had not said anything, and `agent` is answered a second time", async () => {
      house().script.answer(silent);
      const calls = house().script.models.length;
      const { accepted, final } = house().client.callTwice("agent", { message: "go", idempotencyKey: "stopped-early" });
      await accepted;
      await house().script.modelCall(calls);
      await house().client.call("chat.abort", { sessionKey: MAIN });
      expect(await final).toMatchObject({ runId: "stopped-early", status: "aborted", result: { payloads: [], meta: { aborted: true } } });
      await house().settled("stopped-early");
      const seen = trace(house().client.frames, "stopped-early").filter((word) => word !== "lifecycle model");
      expect(seen.filter((word) => word !== "res aborted")).toEqual([
        ...["res accepted", "lifecycle start", "row busy", "lifecycle end", "chat aborted", "row idle"],
      ]);
      expect(seen).toContain("res aborted");
      expect(eventsOf(house().client, "chat", "stopped-early").at(-1)).not.toHaveProperty("message");
    });
  });

  describe("a run that fails", () => {
    const kinds = [
      ["rate-limit", "rate_limit"],
      ["timeout", "timeout"],
      ["auth", "unknown"],
    ] as const;
    for (const [fail, errorKind] of kinds) {
      test(`is told as an error of the kind ${errorKind} when the model's provider says ${fail}`, async () => {
        house().script.answer([{ text: "I was" }, { fail, message: "the provider said so" }]);
        const runId = await house().say("fail");
        const end = await house().settled(runId);
        expect(end).toMatchObject({ state: "error", errorKind });
        expect(trace(house().client.frames, runId)).toEqual([
          ...["res started", "lifecycle start", "row busy", "lifecycle model", "assistant", "chat delta"],
          ...["lifecycle finishing", "lifecycle error", "chat error", "row idle"],
        ]);
        expect(terminals(house().client, runId)).toEqual(["error"]);
      });
    }

    test("a refusal is an error of its own kind", async () => {
      house().script.answer([{ text: "I will not." }, { stop: "refusal" }]);
      expect(await house().settled(await house().say("do harm"))).toMatchObject({ state: "error", errorKind: "refusal" });
    });

    test("`agent` says so in its second answer", async () => {
      house().script.answer([{ fail: "billing", message: "no money" }]);
      const result = await house().client.callTwice("agent", { message: "go", idempotencyKey: "failing-agent" }).final;
      expect(result).toMatchObject({ runId: "failing-agent", status: "error", summary: expect.stringContaining("no money") });
    });
  });

  describe("a message while a run is going on", () => {
    async function during(queueMode: string, then: (runId: string) => Promise<void> | void) {
      const first = gated("first");
      house().script.answer(first.answer);
      const one = await house().say("one");
      await started(one);
      house().script.answer(says("second"));
      const two = await house().say("two", { queueMode });
      await then(two);
      first.open();
      const ends = [await house().settled(one), await house().settled(two)];
      for (const runId of [one, two]) expect(terminals(house().client, runId)).toHaveLength(1);
      return { one, two, ends };
    }

    for (const mode of ["followup", "collect", "steer"]) {
      test(`${mode}: waits for the end of what runs when that takes no further step, and then has a run of its own`, async () => {
        const { one, two, ends } = await during(mode, async () => {
          const { pendingInputs, sessionInfo } = await house().client.call<Record<string, Payload>>("chat.history", { sessionKey: MAIN });
          expect(pendingInputs).toMatchObject({ total: 1 });
          expect(sessionInfo).toMatchObject({ hasActiveRun: true });
        });
        expect(ends).toMatchObject([{ state: "final" }, { state: "final", message: { content: [{ text: "second" }] } }]);
        const { frames } = house().client;
        expect(place(frames, one, "chat final")).toBeLessThan(place(frames, two, "lifecycle start"));
      });
    }

    test("interrupt: stops what runs, and goes on at once", async () => {
      const { one, two, ends } = await during("interrupt", () => undefined);
      expect(ends).toMatchObject([{ state: "aborted", message: { content: [{ text: "first" }] } }, { state: "final" }]);
      const { frames } = house().client;
      expect(place(frames, one, "chat aborted")).toBeLessThan(place(frames, two, "lifecycle start"));
    });
  });

  test("each run counts its own events from 1 on, agent and chat apart", async () => {
    answerWithTool();
    const runId = await house().say("count");
    await house().settled(runId);
    for (const event of ["agent", "chat"]) {
      const numbers = eventsOf(house().client, event, runId).map(({ seq }) => seq);
      expect([event, numbers]).toEqual([event, numbers.map((_, index) => index + 1)]);
    }
  });

  test("tools are told to clients that said they show them, and to nobody else", async () => {
    const plain = await house().connect({ caps: [] });
    await plain.call("sessions.subscribe", {});
    answerWithTool();
    const runId = await house().say("look");
    await Promise.all([house().settled(runId), house().settled(runId, plain)]);
    const [shown, other] = [trace(house().client.frames, runId), trace(plain.frames, runId)];
    expect(shown.filter((word) => word.startsWith("tool"))).toEqual(tools);
    expect(other.filter((word) => word.startsWith("tool"))).toEqual([]);
    const collapsed = withTool("res started").filter((word) => !word.startsWith("tool") && !word.startsWith("res"));
    // Without the tools between them, the two texts stand together.
    expect(other.join()).toBe(collapsed.join().replace("assistant,chat delta,assistant,chat delta", "assistant,chat delta"));
  });

  test("every frame was one that the wire knows", () => {
    expect(house().recorder.problems).toEqual([]);
  });
});

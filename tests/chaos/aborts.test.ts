/** Turns that two clients stop at once, each at another of its edges, in a gateway that dies of it; and what the next request to the vendor is. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import { startScript } from "@pincer/plugin-sdk/testing/script";
import type { VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { startAnthropicVendor } from "../vendors/anthropic/server.ts";
import { refusalOf } from "../vendors/anthropic/strict.ts";
import { token } from "./home-config.ts";
import { Life } from "./life.ts";

const MAIN = "agent:main:main";
const more = ["provider-anthropic", "approvals", "configuration"];

type Message = {
  readonly role: string;
  readonly content: unknown;
  readonly toolCallId?: string;
  readonly __openclaw: { readonly id: string };
};
const callsIn = ({ content }: Message) =>
  Array.isArray(content) ? (content as { type: string; id: string }[]).filter(({ type }) => type === "toolCall").map(({ id }) => id) : [];

/** Where the turn is, how it is stopped, and when the gateway dies: at a point of its lanes, or once both have their answers. */
const trials = [
  { at: "the answer", stops: ["chat.abort", "sessions.reset"], dies: "lanes:after-cancel" },
  { at: "the tool", stops: ["chat.abort", "chat.abort"], dies: "answered" },
  { at: "the approval", stops: ["chat.abort", "/stop"], dies: "answered" },
  { at: "the summary", stops: ["/stop", "chat.abort"], dies: "lanes:before-finish" },
] as const;

test("a turn is stopped twice at once, and the gateway dies of it: what was said stands once, nothing hangs, and the vendor takes what comes next", async () => {
  const script = startScript();
  await using vendor = startAnthropicVendor();
  const refused: string[] = [];
  let hold: PromiseWithResolvers<void> | undefined;
  let limit = Number.POSITIVE_INFINITY;
  const answerTo = ({ body }: VendorCall): VendorAnswer => {
    const messages = body["messages"] as Parameters<typeof refusalOf>[0];
    const held = hold === undefined ? {} : { hold: { before: 0, until: hold.promise } };
    const refusal = refusalOf(messages);
    if (refusal !== undefined) refused.push(refusal);
    if (refusal !== undefined) return { error: { status: 400, message: refusal } };
    if (JSON.stringify(body["system"]).includes("You keep the memory")) return { steps: [{ text: ["A summary."] }], ...held };
    if (JSON.stringify(messages).length > limit)
      return { error: { status: 400, message: "prompt is too long: 210000 tokens > 200000 maximum" } };
    const last = JSON.stringify(messages.at(-1)?.content.at(-1));
    if (last.includes("use the tool")) {
      const called = (name: string) => ({ toolCall: { id: `toolu_${name}_${vendor.ledger.length}`, name, arguments: "{}" } });
      return { steps: [{ text: ["I do."] }, called("note"), called("look")] };
    }
    return last.includes("write") ? { steps: [{ text: ["Half."] }, { text: ["Whole."] }], ...held } : { steps: [{ text: ["Fine."] }] };
  };
  vendor.otherwise(answerTo);
  script.tool("note", async function* (_call, signal) {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    yield { progress: "" };
  });
  script.tool("look", "seen");
  const home = mkdtempSync(join(tmpdir(), "pincer-aborts-"));
  const configure = (rule: object) =>
    writeFileSync(
      join(home, "pincer.json5"),
      JSON.stringify({
        gateway: { port: 0, auth: { token }, drainMs: 50, lanes: { backoffFirstMs: 1, backoffLongestMs: 20, drainMs: 20, retryMs: 5 } },
        models: { default: "mine/big" },
        scripted: { provider: { url: script.url }, tools: { url: script.url } },
        approvals: { rules: [rule] },
        plugins: {
          agent: { config: { toolGraceMs: 100, modelRetries: 0 } },
          "provider-anthropic": { enabled: true, config: { endpoints: { mine: { baseUrl: `${vendor.origin}/v1/`, models: ["big"] } } } },
        },
      }),
      { mode: 0o600 },
    );
  const enter = async (life: Life) => {
    const ready = await life.ready;
    if (ready === undefined) throw new Error("it ended before it was ready");
    return WireClient.connect({ url: ready.url, token });
  };
  const say = (client: WireClient, message: string) =>
    client.call<{ runId: string }>("chat.send", { sessionKey: MAIN, message, idempotencyKey: crypto.randomUUID() });
  try {
    for (const { at, stops, dies } of trials) {
      configure(at === "the approval" ? { action: "ask", tools: ["note"] } : { action: "allow", owner: true });
      hold = Promise.withResolvers();
      const [calls, tools] = [vendor.ledger.length, script.tools.length];
      const life = new Life({ home, more, ...(dies === "answered" ? {} : { point: dies, nth: 1 }) });
      const [one, other] = [await enter(life), await enter(life)];
      await one.call("sessions.subscribe", {});
      if (at === "the summary") limit = 100;
      const { runId } = await say(one, at === "the answer" ? "write" : at === "the summary" ? "go on" : "use the tool");
      if (at === "the tool") await script.toolCall(tools + 1);
      else if (at === "the approval") await one.event("plugin.approval.requested");
      else await vendor.received(calls + (at === "the summary" ? 2 : 1));
      const stop = (client: WireClient, how: (typeof stops)[number]): Promise<unknown> => {
        if (how === "/stop") return say(client, how);
        return how === "chat.abort" ? client.call(how, { sessionKey: MAIN, runId }) : client.call(how, { key: MAIN });
      };
      const stopping = Promise.allSettled([stop(one, stops[0]), stop(other, stops[1])]);
      await (dies === "answered" ? stopping : life.ended);
      await life.kill();
      await stopping;
      hold.resolve();
      hold = undefined;
      limit = Number.POSITIVE_INFINITY;

      const next = new Life({ home, more });
      const client = await enter(next);
      await client.call("sessions.subscribe", {});
      const { runId: last } = await say(client, "and now?");
      expect(await client.call<object>("agent.wait", { runId: last })).toMatchObject({ status: "ok", terminalReply: { text: "Fine." } });
      await next.idle();
      const { messages, inFlightRun } = await client.call<{ messages: readonly Message[]; inFlightRun?: unknown }>("chat.history", {
        sessionKey: MAIN,
      });
      expect(inFlightRun).toBeUndefined();
      const ids = messages.map(({ __openclaw: { id } }) => id);
      expect(ids).toEqual([...new Set(ids)]);
      const results = messages.flatMap(({ role, toolCallId }) => (role === "toolResult" ? [toolCallId] : []));
      expect(results).toEqual(messages.flatMap(callsIn));
      expect(await client.call<unknown[]>("plugin.approval.list", {})).toEqual([]);
      await next.kill();
    }
    expect(refused).toEqual([]);
    expect(script.tools.filter(({ name }) => name === "note")).toHaveLength(1);
  } finally {
    hold?.resolve();
    await script.stop();
    rmSync(home, { recursive: true, force: true });
  }
}, 300_000);

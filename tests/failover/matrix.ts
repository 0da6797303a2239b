/** Every fault over every API, instead of an answer and behind its first words, before any number of fallbacks. */
import { expect } from "bun:test";
import type { FailureClass, ModelAnswer } from "@pincer/plugin-sdk/contracts/provider";
import { readStream } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorAnswer } from "@pincer/plugin-sdk/testing/vendor-script";
import { io, llmRequest, startModelsGateway } from "../fixtures/models/gateway.ts";
import { startAnthropicVendor } from "../vendors/anthropic/server.ts";
import { startOpenAiVendor } from "../vendors/openai/server.ts";
import { breaking, classWithin, type Fault } from "./faults.ts";
import { type Api, keyOf, says } from "./vendor.ts";

export const MOST_FALLBACKS = 17;
const IDLE_MS = 1_000;
/** Longer than any cooldown. */
const REST_MS = 301_000;
const names = Array.from({ length: MOST_FALLBACKS + 1 }, (_, number) => `e${number}`);

interface Matrix extends AsyncDisposable {
  /** The wanted model and all fallbacks but the last meet the fault. */
  check(fault: Fault, begun: boolean, fallbacks: number): Promise<void>;
}

const AGAIN: readonly FailureClass[] = ["network", "overloaded", "timeout"];
const FINAL: readonly FailureClass[] = ["context-overflow", "bad-request", "image"];

export interface MatrixOptions {
  /** The servers go on behind an unfinished answer. */
  readonly continues?: boolean;
  /** Nobody reads before the end. */
  readonly whole?: boolean;
}

export async function startMatrix(api: Api, { continues = false, whole = false }: MatrixOptions = {}): Promise<Matrix> {
  const vendor = api === "messages" ? startAnthropicVendor() : startOpenAiVendor();
  const place = api === "messages" ? { baseUrl: vendor.origin } : { baseUrl: `${vendor.origin}/v1`, api, continues };
  const wanted = names.slice(1).map((_, index) => `before-${index + 1}`);
  const endpoints = Object.fromEntries(
    names.map((name) => [name, { ...place, key: { secret: "NOT_THERE" }, models: name === "e0" ? wanted : ["model"] }]),
  );
  const gateway = await startModelsGateway({
    failover: {
      retryPauseMs: 0,
      probe: false,
      models: Object.fromEntries(wanted.map((model, index) => [`e0/${model}`, names.slice(1, index + 2)])),
    },
    plugins: { [api === "messages" ? "provider-anthropic" : "provider-openai"]: { idleTimeoutMs: IDLE_MS, endpoints } },
  });
  for (const name of names) await gateway.call("failover.profiles.add", { name: `${name}:p`, value: `key-${name}` });
  const path = { chat: "/v1/chat/completions", responses: "/v1/responses", messages: "/v1/messages" }[api];
  /** The events up to these words. */
  const opening = (words: string): readonly string[] => {
    const events = vendor.eventsOf(says(words), path);
    return events.slice(0, events.findIndex((event) => event.includes(JSON.stringify(words).slice(1, -1))) + 1);
  };

  const ask = async (fault: Fault, begun: boolean, fallbacks: number) => {
    const first = vendor.ledger.length;
    let read = Promise.withResolvers<void>();
    vendor.otherwise((call): VendorAnswer => {
      if (keyOf(call) === `key-e${fallbacks}`) return says("the end");
      if (!begun) {
        if (fault.within === "hang") void gateway.clock.advance(IDLE_MS);
        return fault.before;
      }
      read = Promise.withResolvers();
      if (whole) read.resolve();
      return breaking(fault, api, opening(`piece ${vendor.ledger.length - first} `), read.promise);
    });
    const keys = () => vendor.ledger.slice(first).map(keyOf);
    if (whole) {
      const answer = await gateway.llm.answer!(llmRequest({ model: `e0/${wanted[fallbacks - 1]}` }), io);
      return { answer, text: textOf(answer), keys: keys() };
    }
    const texts: string[] = [];
    const stream = gateway.llm.stream(llmRequest({ model: `e0/${wanted[fallbacks - 1]}` }), io);
    const { answer } = await readStream(stream, (event) => {
      if (event.type !== "text") return;
      texts.push(event.delta);
      read.resolve();
      if (fault.within === "hang" && event.delta !== "the end") void gateway.clock.advance(IDLE_MS);
    });
    return { answer, text: texts.join(""), keys: keys() };
  };

  /** By the rules alone. */
  const expectedOf = (kind: FailureClass, begun: boolean, fallbacks: number) => {
    if (FINAL.includes(kind)) return { asked: ["e0"], ends: kind };
    if (begun && !continues && !whole) return { asked: ["e0"], ends: "exhausted" as const };
    const times = AGAIN.includes(kind) ? 2 : 1;
    const asked = names.slice(0, fallbacks).flatMap((name) => Array.from({ length: times }, () => name));
    return { asked: [...asked, `e${fallbacks}`], ends: undefined };
  };

  /** Nothing of what was found out may be left for the next case. */
  const restore = async () => {
    const { profiles } = await gateway.call("failover.profiles.list");
    const failed = (profiles as readonly { name: string; state: string }[])
      .filter(({ state }) => state === "failed")
      .map(({ name }) => name);
    if (failed.length > 0) await gateway.call("failover.profiles.test", { profiles: failed });
    await gateway.clock.advance(REST_MS);
  };

  const textOf = ({ message }: ModelAnswer) => message.content.map((block) => (block.type === "text" ? block.text : "")).join("");

  return {
    async check(fault, begun, fallbacks) {
      const kind = begun ? classWithin(fault, api) : fault.class;
      const { asked, ends } = expectedOf(kind, begun, fallbacks);
      const { answer, text, keys } = await ask(fault, begun, fallbacks);
      // What nobody has read is begun anew.
      const pieces =
        begun && (!whole || ends !== undefined)
          ? asked.slice(0, ends === undefined ? -1 : undefined).map((_, index) => `piece ${index + 1} `)
          : [];
      const expected = [...pieces, ...(ends === undefined ? ["the end"] : [])].join("");
      const what = { case: `${fault.name}, ${api}, ${begun ? "behind the first words" : "before"}, ${fallbacks} fallbacks` };
      expect({ ...what, keys, text, kept: textOf(answer), ends: answer.failure?.class }).toEqual({
        ...what,
        keys: asked.map((name) => `key-${name}`),
        text: expected,
        kept: expected,
        ends,
      });
      await restore();
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await vendor[Symbol.asyncDispose]();
    },
  };
}

/**
 * What is outside of the gateway: a model, tools with effects and chat platforms, served and noted down by this process, so that it remembers
 * what a gateway that was killed had asked of it. The gateway can be killed at named moments of the outside too.
 */
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { Message } from "@pincer/plugin-sdk/message";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { type Script, type Step, startScript, type ToolStep } from "@pincer/plugin-sdk/testing/script";
import { allChannels } from "./channels/all.ts";
import type { ChaosChannel } from "./channels/channel.ts";

export const outsidePoints = {
  "model-asked": "the model was asked, and has said nothing",
  "model-half": "the model has said half of its answer",
  "model-said": "the model has said all, and the answer is about to end",
  "tool-asked": "a tool was called, and has done nothing",
  "tool-done": "a tool has taken effect, and not answered",
  "read-done": "a tool that only reads has not answered",
  poll: "a platform is about to give out messages",
  asked: "a platform was given a message, and has shown nothing",
  posted: "a platform shows a message, and has not answered",
  "edit-asked": "a platform was told to change a message, and has not",
  edited: "a platform has changed a message, and has not answered",
} as const;
export type OutsidePoint = keyof typeof outsidePoints;

/** What a message asks of the model, beside its name. */
export interface Wish {
  /** Rounds of tool calls before the answer. */
  readonly steps: number;
  /** Calls in each. */
  readonly calls: number;
  /** Sentences of the answer, of about 60 characters. */
  readonly lines: number;
  /** Milliseconds between two of them. */
  readonly pace: number;
}

interface Ask {
  /** The request, as a hash. */
  readonly request: string;
  /** Names of the messages that it is to answer. */
  readonly names: readonly string[];
}

const wish = /\b(m\d+) steps=(\d+) calls=(\d+) lines=(\d+) pace=(\d+)/g;
export const wording = (name: string, { steps, calls, lines, pace }: Wish) =>
  `${name} steps=${steps} calls=${calls} lines=${lines} pace=${pace}`;
/** Names of the messages in a text. */
export const namesIn = (text: string): string[] => [...text.matchAll(wish)].map(([, name = ""]) => name);
/** Numbers of the asks whose answer, or part of it, is in a text; one that may have been cut off is none. */
export const asksIn = (text: string): number[] => [
  ...new Set([...text.matchAll(/\b(?:ask |call-a)(\d+)(?=[.-])/g)].map(([, ask]) => Number(ask))),
];

const textOf = ({ content }: Message) =>
  typeof content === "string" ? content : content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
const asksForTools = ({ role, content }: Message) =>
  role === "assistant" && typeof content !== "string" && content.some(({ type }) => type === "toolCall");

export class World {
  readonly script: Script = startScript();
  readonly channels: ChaosChannel[] = [];
  /** Every call of the model; its number in the texts counts from 0. */
  readonly asks: Ask[] = [];
  /** Ids of tool calls that took effect, and of those that only read, in order. */
  readonly effects: string[] = [];
  readonly reads: string[] = [];
  #trap: { readonly point: OutsidePoint; left: number; readonly act: () => Promise<boolean> } | undefined;

  private constructor() {
    this.script.otherwise((request) => this.#answer(request));
    this.script.tool("note", (call) => this.#note(call.callId));
    this.script.tool("look", (call) => this.#look(call.callId));
  }

  /** With the platforms of those channels. */
  static async start(names: readonly string[]): Promise<World> {
    const world = new World();
    for (const name of names) {
      const start = allChannels[name];
      if (start === undefined) throw new Error(`there is no channel "${name}"; there are: ${Object.keys(allChannels).join(", ")}`);
      world.channels.push(await start(async (moment) => void (await world.#at(moment))));
    }
    return world;
  }

  /** Does that at the n-th passing of the point; it answers whether the gateway is gone. */
  arm(point: OutsidePoint, nth: number, act: () => Promise<boolean>): void {
    this.#trap = { point, left: nth, act };
  }

  disarm(): void {
    this.#trap = undefined;
  }

  /** That have the channels. */
  get plugins(): readonly string[] {
    return [...new Set(this.channels.map(({ plugin }) => plugin))];
  }

  async stop(): Promise<void> {
    await Promise.all([this.script.stop(), ...this.channels.map((channel) => channel[Symbol.asyncDispose]())]);
  }

  /** Whether the gateway is gone, by what was to be done here. */
  async #at(point: OutsidePoint): Promise<boolean> {
    const trap = this.#trap;
    if (trap?.point !== point || --trap.left > 0) return false;
    this.#trap = undefined;
    return trap.act();
  }

  async *#answer(request: ModelRequest): AsyncGenerator<Step, void, void> {
    const last = request.messages.at(-1);
    const begun = last?.role === "assistant" ? textOf(last) : "";
    const messages = begun === "" ? request.messages : request.messages.slice(0, -1);
    const answered = messages.findLastIndex((message) => message.role === "assistant" && !asksForTools(message));
    const open = messages.slice(answered + 1);
    const wishes = open.filter(({ role }) => role === "user").flatMap((message) => [...textOf(message).matchAll(wish)]);
    const names = wishes.map(([, name = ""]) => name);
    const [steps = 0, calls = 0, lines = 1, pace = 0] = (wishes[0] ?? []).slice(2).map(Number);
    const ask = this.asks.push({ request: Bun.hash(JSON.stringify(request)).toString(36), names }) - 1;
    if (await this.#at("model-asked")) return;

    const done = open.filter(asksForTools).length;
    if (done < steps && request.tools.length > 0) {
      yield { text: `Working on ${names.join(", ")} for ask ${ask}.` };
      await clock.sleep(pace);
      if (await this.#at("model-half")) return;
      for (let n = 0; n < calls; n++) {
        yield {
          call: n % 3 === 2 ? "look" : "note",
          id: `call-a${ask}-${done}-${n}-of-${names[0]}`,
          args: { text: `${names[0]} ${done} ${n}` },
        };
      }
      await this.#at("model-said");
      return;
    }
    // What was begun in another process is gone on with word for word, and then says who asked for the rest.
    const origin = asksIn(begun)[0] ?? ask;
    const whole = Array.from({ length: lines }, (_, n) => `${sentence(names, n, origin)}${n % 4 === 3 ? "\n\n" : " "}`).join("");
    const rest = begun === "" ? whole : `${whole.slice(begun.length)}The rest is of ask ${ask}.`;
    const pieces = rest.match(/[\s\S]{1,70}/g) ?? [];
    for (const [index, text] of pieces.entries()) {
      yield { text };
      await clock.sleep(pace);
      if (index === Math.floor(pieces.length / 2) && (await this.#at("model-half"))) return;
    }
    await this.#at("model-said");
  }

  async *#note(callId: string): AsyncGenerator<ToolStep, void, void> {
    if (await this.#at("tool-asked")) return;
    this.effects.push(callId);
    if (await this.#at("tool-done")) return;
    yield { content: [{ type: "text", text: `noted ${callId}` }] };
  }

  async *#look(callId: string): AsyncGenerator<ToolStep, void, void> {
    this.reads.push(callId);
    if (await this.#at("read-done")) return;
    yield { content: [{ type: "text", text: `saw ${callId}` }] };
  }
}

const sentence = (names: readonly string[], n: number, ask: number) =>
  `This is line ${n} of the answer to ${names.join(" and ")}, ask ${ask}.`;

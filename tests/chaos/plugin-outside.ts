/**
 * What plugins do outside of their processes, noted down by this one: the model's answers, the tools' effects, the pool's work. A plugin's
 * process can be killed whenever it asks for something here, and what was asked for may have been done by then or not.
 */
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { Message } from "@pincer/plugin-sdk/message";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { type Script, type Step, startScript, type ToolStep } from "@pincer/plugin-sdk/testing/script";
import type { Note } from "./plugins/chaos-desk/plugin.ts";
import type { Random } from "./random.ts";

const victims = ["scripted-provider", "scripted-tools", "chaos-pool"] as const;
export type Victim = (typeof victims)[number];

/** When a plugin is killed: whose process it is that asks for something then, and what. */
const pluginPoints = {
  "model-asked": "scripted-provider",
  "model-half": "scripted-provider",
  "model-said": "scripted-provider",
  "note-asked": "scripted-tools",
  "note-done": "scripted-tools",
  "look-done": "scripted-tools",
  "ask-asked": "chaos-pool",
  "ask-done": "chaos-pool",
  "spend-asked": "chaos-pool",
  "spend-done": "chaos-pool",
  "read-asked": "chaos-pool",
  "read-done": "chaos-pool",
  "take-asked": "chaos-pool",
  "take-done": "chaos-pool",
} as const satisfies Readonly<Record<string, Victim>>;
type PluginPoint = keyof typeof pluginPoints;

interface Kill {
  readonly victim: Victim;
  /** `elsewhere`: while another plugin asks for something. */
  readonly at: PluginPoint | "elsewhere";
  /** At which passing from the kill before on, counted from 1. */
  readonly nth: number;
}

export function killsOf(random: Random, count: number): Kill[] {
  const points = Object.keys(pluginPoints) as PluginPoint[];
  return Array.from({ length: count }, (_, n): Kill => {
    const isElsewhere = n % 5 === 4;
    const at = isElsewhere ? "elsewhere" : points[(n + random.upTo(2)) % points.length]!;
    return { victim: isElsewhere ? random.pick(victims) : pluginPoints[at as PluginPoint], at, nth: 1 + random.upTo(isElsewhere ? 60 : 8) };
  });
}

/** A safe call is made at most so often again, and so is a model's: no call is cut more often, so that each must come to its end. */
const mostCuts = 2;

/** What a turn is to do: tools in each round, then an answer. */
export interface Wish {
  readonly rounds: readonly (readonly string[])[];
  readonly pieces: number;
  readonly paceMs: number;
}

interface CallResult {
  readonly isError: boolean;
  readonly text: string;
}

/** Nobody is to hear an answer: a process may live on for a moment when what had started it was killed. */
const gone = (signal: AbortSignal): Promise<Response> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(new Response()), { once: true }));

const textOf = ({ content }: Message) =>
  typeof content === "string" ? content : content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
const asksForTools = ({ role, content }: Message) =>
  role === "assistant" && typeof content !== "string" && content.some(({ type }) => type === "toolCall");

export class PluginOutside {
  readonly script: Script = startScript();
  readonly url: string;
  readonly wishes = new Map<string, Wish>();
  /** Each thing that was done, by what and which: `spend/m1-0-spend`. */
  readonly done = new Map<string, number>();
  /** Tool calls that the model asked for, and what it was told of each. */
  readonly asked = new Set<string>();
  readonly results = new Map<string, CallResult>();
  /** What the desk got of the pool. */
  readonly notes = new Map<string, Note>();
  /** How often the pool was killed while it was asked. */
  readonly cuts = new Map<string, number>();
  readonly killed: { readonly victim: Victim; readonly at: string }[] = [];
  readonly over: Promise<void>;
  readonly #server: Bun.Server<undefined>;
  readonly #kills: readonly Kill[];
  /** By what must come to its end: whose it is, and how often its process was killed meanwhile. */
  readonly #open = new Map<string, { readonly victim: Victim; cuts: number }>();
  readonly #isOver = Promise.withResolvers<void>();
  #left = 0;
  #isKilling = false;

  /** `kill` answers with whether there was a process to kill. */
  constructor(
    kills: readonly Kill[],
    readonly kill: (victim: Victim) => Promise<boolean>,
  ) {
    this.#kills = kills;
    this.over = this.#isOver.promise;
    this.#left = kills[0]?.nth ?? 0;
    this.script.otherwise((request, signal) => this.#answer(request, signal));
    this.script.tool("note", ({ callId }, signal) => this.#note(callId, signal));
    this.script.tool("look", ({ callId }, signal) => this.#look(callId, signal));
    this.#server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: (request) => this.#take(request) });
    this.url = `http://127.0.0.1:${this.#server.port}`;
  }

  async stop(): Promise<void> {
    await Promise.all([this.script.stop(), this.#server.stop(true)]);
  }

  /** A turn has ended, and no model call of it is open any more. */
  turnEnded(name: string): void {
    for (const key of this.#open.keys()) if (key.startsWith(`model/${name}/`)) this.#open.delete(key);
  }

  /** True when the process that asks for this was killed here. */
  async #at(point: PluginPoint): Promise<boolean> {
    const next = this.#kills[this.killed.length];
    if (!next || this.#isKilling) return false;
    const asking = pluginPoints[point];
    if (next.at === "elsewhere" ? asking === next.victim : point !== next.at) return false;
    if (--this.#left > 0) return false;
    const open = () => [...this.#open.values()].filter(({ victim }) => victim === next.victim);
    if (open().some(({ cuts }) => cuts >= mostCuts)) return false; // the next passing is as good
    this.#isKilling = true;
    const isKilled = await this.kill(next.victim);
    this.#isKilling = false;
    if (!isKilled) return false;
    for (const call of open()) call.cuts++;
    this.killed.push({ victim: next.victim, at: next.at });
    this.#left = this.#kills[this.killed.length]?.nth ?? 0;
    if (this.killed.length === this.#kills.length) this.#isOver.resolve();
    return asking === next.victim;
  }

  #did(what: string, id: string): void {
    const key = `${what}/${id}`;
    this.done.set(key, (this.done.get(key) ?? 0) + 1);
  }

  async #take(request: Request): Promise<Response> {
    const [, what = "", id = ""] = new URL(request.url).pathname.split("/");
    if (what === "begun") {
      if (id.endsWith("ask")) this.#open.set(`ask/${id}`, { victim: "chaos-pool", cuts: 0 });
      return new Response();
    }
    if (what === "ended") {
      this.cuts.set(id, this.#open.get(`ask/${id}`)?.cuts ?? 0);
      this.#open.delete(`ask/${id}`);
      this.notes.set(id, (await request.json()) as Note);
      return new Response();
    }
    if (await this.#at(`${what}-asked` as PluginPoint)) return await gone(request.signal);
    await clock.sleep(1);
    this.#did(what, id);
    return (await this.#at(`${what}-done` as PluginPoint)) ? await gone(request.signal) : new Response();
  }

  async *#answer({ messages, tools }: ModelRequest, signal: AbortSignal): AsyncGenerator<Step, void, void> {
    for (const message of messages)
      if (message.role === "toolResult") this.results.set(message.toolCallId, { isError: message.isError === true, text: textOf(message) });
    const last = messages.findLastIndex(({ role }) => role === "user");
    const name = /\bm\d+\b/.exec(textOf(messages[last]!))?.[0] ?? "";
    const { rounds, pieces, paceMs } = this.wishes.get(name)!;
    const round = messages.slice(last).filter(asksForTools).length;
    if (round > 0) this.#open.delete(`model/${name}/${round - 1}`);
    const key = `model/${name}/${round}`;
    if (!this.#open.has(key)) this.#open.set(key, { victim: "scripted-provider", cuts: 0 });
    if (await this.#at("model-asked")) return void (await gone(signal));
    for (let piece = 0; piece < pieces; piece++) {
      yield { text: `Piece ${piece} for ${name}. ` };
      await clock.sleep(paceMs);
      if (piece === pieces >> 1 && (await this.#at("model-half"))) return void (await gone(signal));
    }
    if (tools.length > 0)
      for (const tool of rounds[round] ?? []) {
        const id = `call-${name}-${round}-${tool}`;
        this.asked.add(id);
        yield { call: tool, id, args: tool === "ask" || tool === "spend" ? { id } : { text: id } };
      }
    if (await this.#at("model-said")) await gone(signal);
  }

  async *#note(id: string, signal: AbortSignal): AsyncGenerator<ToolStep, void, void> {
    if (await this.#at("note-asked")) return void (await gone(signal));
    this.#did("note", id);
    if (await this.#at("note-done")) return void (await gone(signal));
    yield { content: [{ type: "text", text: `noted ${id}` }] };
  }

  async *#look(id: string, signal: AbortSignal): AsyncGenerator<ToolStep, void, void> {
    this.#did("look", id);
    await clock.sleep(1);
    if (await this.#at("look-done")) return void (await gone(signal));
    yield { content: [{ type: "text", text: `saw ${id}` }] };
  }
}

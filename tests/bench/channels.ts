/**
 * Each channel between its platform and a model, both on loopback: how long an event takes until the model is asked, and the model's last piece until
 * the platform has it, inline and in a process of its own, beside a bare server that passes both on; what it keeps, and how long its start takes.
 */
import { treeOf } from "../../plugin-host/sandbox/use.ts";
import { discord } from "./channels/discord.ts";
import { email } from "./channels/email.ts";
import { irc } from "./channels/irc.ts";
import { matrix } from "./channels/matrix.ts";
import type { Channel, Platform } from "./channels/platform.ts";
import { startRelay } from "./channels/relay.ts";
import { slack } from "./channels/slack.ts";
import { type Spans, Talk } from "./channels/talk.ts";
import { telegram } from "./channels/telegram.ts";
import { webhook } from "./channels/webhook.ts";
import { type Figure, median, quantile } from "./figures.ts";
import { type GatewayProcess, type Installation, trusted } from "./installation.ts";
import { cpuMs, memory, takeCore } from "./machine.ts";
import { settled } from "./memory.ts";
import { instant, type Pace } from "./pace.ts";
import type { Part } from "./part.ts";
import { startServer } from "./server-process.ts";
import { connectTurns } from "./turn-client.ts";

const channels: readonly Channel[] = [telegram, discord, slack, irc, webhook, matrix, email];
const isolations = ["inline", "process"] as const;
type Isolation = (typeof isolations)[number];

/** An answer of two seconds, as models write that think before; two hundred at once would otherwise only show the length of the queue. */
const paced: Pace = { firstMs: 100, stepMs: 95, pieces: 20 };
const cases = [
  { what: "1 conversation", conversations: 1, pace: instant },
  { what: "200 conversations", conversations: 200, pace: paced },
] as const;
/** So many questions a conversation has: a longer one would measure its own length. */
const length = 20;
const starts = 5;

interface Measured {
  readonly spans: readonly Spans[];
  readonly cpuPerTurn: number;
}

/** Every conversation asks again when it was answered, and is followed by another one after a while. `first` numbers them. */
async function converse(
  talk: Talk,
  say: Platform["say"],
  { conversations, pace }: Pick<(typeof cases)[number], "conversations" | "pace">,
  seconds: number,
  pid: number,
  first: number,
): Promise<Measured> {
  const run = async (forMs: number, from: number) => {
    const spans: Spans[] = [];
    const until = performance.now() + forMs;
    const one = async (number: number) => {
      // Apart from each other, as people are.
      if (pace.firstMs > 0) await Bun.sleep((number / conversations) * (pace.firstMs + pace.stepMs * pace.pieces));
      for (let asked = 0; asked === 0 || performance.now() < until; asked++) {
        const conversation = from + number + conversations * Math.floor(asked / length);
        spans.push(await talk.ask((text) => say(conversation, text), pace));
      }
    };
    await Promise.all(Array.from({ length: conversations }, (_, number) => one(number)));
    return spans;
  };
  await run(Math.min(2_000, seconds * 500), first);
  const before = cpuMs(pid);
  const spans = await run(seconds * 1_000, first + 100_000);
  return { spans, cpuPerTurn: (cpuMs(pid) - before) / spans.length };
}

interface Started extends AsyncDisposable {
  readonly gateway: GatewayProcess;
  /** Milliseconds from the start of its process until the account was connected. */
  readonly connectedAfterMs: number;
}

interface House extends AsyncDisposable {
  readonly platform: Platform;
  readonly talk: Talk;
  /** A gateway of the house's home. */
  start(): Promise<Started>;
}

/** `isolation` undefined: the same without the channel. */
async function openHouse(installation: Installation, channel: Channel, isolation: Isolation | undefined): Promise<House> {
  await using opened = new AsyncDisposableStack();
  const talk = opened.use(await Talk.start());
  const platform = opened.use(await channel.start(talk.hear));
  const id = `channel-${channel.name}`;
  const home = installation.home({
    config: {
      models: { default: "openai/bench" },
      ...(isolation && {
        plugins: { [id]: isolation === "inline" ? trusted : { enabled: true, isolation } },
        channels: { [channel.name]: { ...platform.config, allowFrom: ["*"] } },
      }),
    },
  });
  const env = { ...platform.env, OPENAI_API_KEY: "bench", OPENAI_BASE_URL: `${talk.origin}/v1` };
  const lifetime = opened.move();
  return {
    platform,
    talk,
    async start() {
      const began = performance.now();
      const gateway = await installation.start(home, { env, asService: isolation === "process" });
      if (isolation) await platform.connected(gateway.url.replace(/^ws/, "http"));
      return { gateway, connectedAfterMs: performance.now() - began, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
    },
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

/** From a cold start until somebody who writes is heard; the first start of a home, which bundles what is not bundled yet, is not among them. */
async function startTimes({ start }: House): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round <= starts; round++) {
    await using started = await start();
    times.push(started.connectedAfterMs);
  }
  return times.slice(1);
}

/** The process of the one plugin that has one. */
const pluginOf = (gateway: GatewayProcess): number => [...treeOf(gateway.pid)].at(-1)!.pid;

const first = 1;

async function whatIsKept(installation: Installation, channel: Channel, isolation: Isolation | undefined) {
  await using house = await openHouse(installation, channel, isolation);
  await using started = await house.start();
  const { gateway } = started;
  if (isolation) await house.talk.ask((text) => house.platform.say(first, text), instant);
  else {
    const client = await connectTurns(gateway);
    await client.turn("agent:main:bench", "ask0.");
    client.close();
  }
  const { rss } = await settled(gateway.pid);
  return { gateway: rss, plugin: isolation === "process" ? memory(pluginOf(gateway)).rss : Number.NaN };
}

async function measureRelay(seconds: number): Promise<ReadonlyMap<string, Measured>> {
  await using talk = await Talk.start();
  await using server = await startServer("bare", { BENCH_UPSTREAM: talk.origin });
  await using relay = startRelay(server.port, talk.hear);
  const found = new Map<string, Measured>();
  for (const each of cases) found.set(each.what, await converse(talk, relay.say, each, seconds / 2, server.pid, first));
  return found;
}

const partOf =
  (channel: Channel): Part =>
  async ({ installation: installed, seconds }) => {
    const installation = await installed();
    await installation.prepare(`channel-${channel.name}`);
    const figures: Figure[] = [];
    const without = await whatIsKept(installation, channel, undefined);
    const bare = await measureRelay(seconds);
    for (const isolation of isolations) {
      const part = `channel ${channel.name}, ${isolation === "inline" ? "inline" : "in a process under the sandbox"}`;
      const figure = (what: string, unit: string, value: number, more: Partial<Figure> = {}) =>
        figures.push({ part, what, unit, value, ...more });
      {
        await using house = await openHouse(installation, channel, isolation);
        const times = await startTimes(house);
        figure("from a cold start to connected", "ms", median(times));
        await using started = await house.start();
        // Each has a session of its own, and none is to come behind what else the machine does.
        if (isolation === "process") for (const { pid } of treeOf(started.gateway.pid)) takeCore("both", pid);
        for (const [index, each] of cases.entries()) {
          const from = first + (index + 1) * 1_000_000;
          const { spans, cpuPerTurn } = await converse(house.talk, house.platform.say, each, seconds, started.gateway.pid, from);
          const beside = bare.get(each.what)!;
          const timed = (name: string, of: (spans: Spans) => number) => {
            for (const [called, share] of [
              ["p50", 0.5],
              ["p99", 0.99],
            ] as const)
              figure(`${each.what}: ${name}, ${called}`, "ms", quantile(spans.map(of), share), {
                bare: quantile(beside.spans.map(of), share),
              });
          };
          timed("event to the model's request", ({ asked }) => asked);
          timed("the model's end to the platform", ({ told }) => told);
          figure(`${each.what}: processor time of a turn, gateway`, "ms", cpuPerTurn, { bare: beside.cpuPerTurn });
        }
      }
      const kept = await whatIsKept(installation, channel, isolation);
      figure("RSS of the gateway beyond one without it", "MB", kept.gateway - without.gateway);
      if (isolation === "process") figure("RSS of its process", "MB", kept.plugin);
    }
    return figures;
  };

export const channelParts: Readonly<Record<string, Part>> = Object.fromEntries(
  channels.map((channel) => [`channel-${channel.name}`, partOf(channel)]),
);

/**
 * OpenAI's API in front of a model behind HTTP: what the gateway adds to an answer, asked for directly and through it by turns, how many
 * requests one core carries, and what they cost; and the same of another gateway, where that can be had.
 */
import { type Figure, median, quantile, type Target } from "./figures.ts";
import { trusted } from "./installation.ts";
import { cpuMs, memory } from "./machine.ts";
import { instant, type Pace, paceText } from "./pace.ts";
import type { Part } from "./part.ts";
import { startPortkey } from "./portkey.ts";
import { startServer } from "./server-process.ts";
import { startUpstream } from "./upstream-process.ts";

const part = "OpenAI's API, model behind HTTP";
const rounds = 5;
const inFlight = 32;
/** Two seconds of text, as models write. */
const paced: Pace = { firstMs: 100, stepMs: 20, pieces: 100 };
const streams = 20;

interface Side {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
}

interface Times {
  readonly first: number;
  readonly last: number;
}

async function ask({ url, headers, model }: Side, pace: Pace, stream: boolean, since = performance.now()): Promise<Times> {
  const body = JSON.stringify({ model, stream, messages: [{ role: "user", content: `hello ${paceText(pace)}` }] });
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  let first = 0;
  for await (const _ of response.body!) first ||= performance.now() - since;
  return { first, last: performance.now() - since };
}

/** One after another. */
async function closedLoop(side: Side, forMs: number): Promise<number[]> {
  const times: number[] = [];
  for (const until = performance.now() + forMs; performance.now() < until; ) times.push((await ask(side, instant, false)).last);
  return times;
}

/** As many as are asked for in a second, whether those before were answered or not; timed from when each was due. */
async function openLoop(side: Side, perSecond: number, forMs: number): Promise<number[]> {
  const began = performance.now();
  const asked: Promise<Times>[] = [];
  for (let due = began; due < began + forMs; due += 1_000 / perSecond) {
    const wait = due - performance.now();
    if (wait > 0) await Bun.sleep(wait);
    asked.push(ask(side, instant, false, Math.max(due, performance.now() - 1)));
  }
  return (await Promise.all(asked)).map(({ last }) => last);
}

async function fullLoad(side: Side, forMs: number): Promise<{ readonly perSecond: number; readonly answered: number }> {
  const began = performance.now();
  let answered = 0;
  const work = async () => {
    for (; performance.now() < began + forMs; answered++) await ask(side, instant, false);
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return { perSecond: (answered / (performance.now() - began)) * 1_000, answered };
}

export const openAiApi: Part = async ({ installation: installed, seconds }) => {
  const installation = await installed();
  await using upstream = await startUpstream();
  // One caller is all the callers here, who wait for one another as little as they would anywhere.
  const config = { mostCalls: 2_000, mostCallsOfAll: 2_000 };
  const home = installation.home({ config: { plugins: { "openai-api": { ...trusted, config } } } });
  await using gateway = await installation.start(home, { env: { OPENAI_API_KEY: "bench", OPENAI_BASE_URL: `${upstream.origin}/v1` } });
  const path = "/v1/chat/completions";
  const direct: Side = { url: `${upstream.origin}${path}`, headers: {}, model: "bench" };
  const authorization = `Bearer ${gateway.token}`;
  const through: Side = {
    url: `${gateway.url.replace(/^ws/, "http").replace(/\/$/, "")}${path}`,
    headers: { authorization },
    model: "openai/bench",
  };
  await using proxy = await startServer("bare", { BENCH_UPSTREAM: upstream.origin });
  const bare: Side = { url: `http://127.0.0.1:${proxy.port}${path}`, headers: {}, model: "bench" };
  await using portkey = await startPortkey(upstream.origin);
  const other: Side | undefined = portkey && { ...portkey, model: "bench" };
  const figures: Figure[] = [];
  const figure = (what: string, unit: string, value: number, more: Partial<Figure> = {}) =>
    figures.push({ part, what, unit, value, ...more });

  // Its code is compiled while it runs: a gateway that has just started is not the one that people have.
  for (const side of [bare, through, ...(other ? [other] : [])]) await fullLoad(side, Math.max(5_000, seconds * 1_000));
  const slice = (seconds * 1_000) / rounds;
  const compare = async (what: string, run: (side: Side) => Promise<number[]>, p99?: Target) => {
    const found = { direct: [] as number[], bare: [] as number[], through: [] as number[], other: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      found.direct.push(...(await run(direct)));
      found.bare.push(...(await run(bare)));
      found.through.push(...(await run(through)));
      if (other) found.other.push(...(await run(other)));
    }
    const added = (side: "bare" | "through" | "other", share: number) => quantile(found[side], share) - quantile(found.direct, share);
    figure(`${what}: added, p50`, "ms", added("through", 0.5), { bare: added("bare", 0.5), target: { atMost: 0.3 } });
    figure(`${what}: added, p99`, "ms", added("through", 0.99), { bare: added("bare", 0.99), ...(p99 && { target: p99 }) });
    if (!other) return;
    figure(`${what}: added by Portkey's gateway, p50`, "ms", added("other", 0.5));
    figure(`${what}: added by Portkey's gateway, p99`, "ms", added("other", 0.99));
  };
  await compare("one after another", (side) => closedLoop(side, slice));
  await compare("100 a second", (side) => openLoop(side, 100, slice));
  await compare("1,000 a second", (side) => openLoop(side, 1_000, slice), { atMost: 1 });

  const load = async (side: Side, pid: number) => {
    const [before, found] = [cpuMs(pid), await fullLoad(side, slice)];
    return { ...found, cpuUs: ((cpuMs(pid) - before) * 1_000) / found.answered };
  };
  type Loads = Awaited<ReturnType<typeof load>>[];
  const loads = { bare: [] as Loads, through: [] as Loads, other: [] as Loads };
  for (let round = 0; round < rounds; round++) {
    loads.bare.push(await load(bare, proxy.pid));
    loads.through.push(await load(through, gateway.pid));
    if (other && portkey) loads.other.push(await load(other, portkey.pid));
  }
  const of = (side: keyof typeof loads, name: "perSecond" | "cpuUs") => median(loads[side].map((one) => one[name]));
  figure(`${inFlight} in flight: requests`, "/s", of("through", "perSecond"), {
    bare: of("bare", "perSecond"),
    target: { atLeast: 5_000 },
  });
  figure(`${inFlight} in flight: processor time of one`, "us", of("through", "cpuUs"), { bare: of("bare", "cpuUs") });
  if (other) {
    figure(`${inFlight} in flight: requests, Portkey's gateway`, "/s", of("other", "perSecond"));
    figure(`${inFlight} in flight: processor time of one, Portkey's gateway`, "us", of("other", "cpuUs"));
  }

  const streamed = async (side: Side) => await Promise.all(Array.from({ length: streams }, () => ask(side, paced, true)));
  const [asked, ours] = [await streamed(direct), await streamed(through)];
  const added = (of: (times: Times) => number) => median(ours.map(of)) - median(asked.map(of));
  figure(
    `${streams} streams of two seconds: added before the first piece`,
    "ms",
    added(({ first }) => first),
  );
  figure(
    `${streams} streams of two seconds: added before the end`,
    "ms",
    added(({ last }) => last),
  );
  figure("private memory behind all of it", "MB", memory(gateway.pid).private);
  return figures;
};

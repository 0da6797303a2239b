/**
 * Whole turns over a socket: what the gateway adds to what the model takes, before the first text and before the end, and what a turn costs.
 * The model is one behind HTTP, asked directly in the same run, or one in the gateway's own process, which takes no time of its own.
 */
import { type Figure, median, quantile } from "./figures.ts";
import { cpuMs } from "./machine.ts";
import { instant, type Pace, paceText } from "./pace.ts";
import type { Part } from "./part.ts";
import { startServer } from "./server-process.ts";
import { connectTurns, type TurnClient, type TurnTimes } from "./turn-client.ts";
import { startUpstream } from "./upstream-process.ts";

/** An answer of a second, as models take; many sessions at once would otherwise only show the length of the queue. */
const paced: Pace = { firstMs: 100, stepMs: 45, pieces: 20 };
const target = { atMost: 3 };

type Ask = (session: number, message: string) => Promise<TurnTimes>;

interface Measured {
  readonly first: number;
  readonly final: number;
  readonly firstP99: number;
  readonly accepted: number;
  readonly perSecond: number;
  readonly cpuPerTurn: number;
}

/** Every session sends its next message when the last one has been answered, and begins anew after twenty. */
async function measure(ask: Ask, sessions: number, pace: Pace, seconds: number, pid?: number): Promise<Measured> {
  const run = async (forMs: number) => {
    const times: TurnTimes[] = [];
    const until = performance.now() + forMs;
    const session = async (number: number) => {
      // Apart from each other, as people are.
      if (pace.firstMs > 0) await Bun.sleep((number / sessions) * (pace.firstMs + pace.stepMs * pace.pieces));
      do times.push(await ask(number, `hello ${paceText(pace)}`));
      while (performance.now() < until);
    };
    await Promise.all(Array.from({ length: sessions }, (_, number) => session(number)));
    return times;
  };
  await run(Math.min(2_000, seconds * 500));
  const cpuBefore = pid === undefined ? Number.NaN : cpuMs(pid);
  const began = performance.now();
  const times = await run(seconds * 1_000);
  const took = performance.now() - began;
  const cpu = pid === undefined ? Number.NaN : cpuMs(pid) - cpuBefore;
  return {
    first: median(times.map(({ first }) => first)),
    final: median(times.map(({ final }) => final)),
    firstP99: quantile(
      times.map(({ first }) => first),
      0.99,
    ),
    accepted: median(times.map(({ accepted }) => accepted)),
    perSecond: (times.length / took) * 1_000,
    cpuPerTurn: cpu / times.length,
  };
}

const cases = [
  { what: "1 session", sessions: 1, pace: instant },
  { what: "20 sessions, answers of a second", sessions: 20, pace: paced },
  { what: "100 sessions, answers of a second", sessions: 100, pace: paced },
  { what: "100 sessions, answers at once", sessions: 100, pace: instant },
] as const;

/** What a model takes that is in the gateway's own process. */
const noTime = async (_: number, message: string): Promise<TurnTimes> => {
  const isPaced = message.includes(paceText(paced));
  return { accepted: 0, first: isPaced ? paced.firstMs : 0, final: isPaced ? paced.firstMs + paced.stepMs * (paced.pieces - 1) : 0 };
};

interface Sides {
  readonly gateway: Ask;
  readonly gatewayPid?: number | undefined;
  /** The model asked directly. Absent: it takes no time. */
  readonly direct?: Ask;
  readonly bare?: { readonly ask: Ask; readonly pid: number };
}

export async function compareTurns(part: string, sides: Sides, seconds: number): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { what, sessions, pace } of cases) {
    const direct = sides.direct ? await measure(sides.direct, sessions, pace, seconds / 2) : await noTime(0, paceText(pace));
    const bare = sides.bare && (await measure(sides.bare.ask, sessions, pace, seconds / 2, sides.bare.pid));
    const gateway = await measure(sides.gateway, sessions, pace, seconds, sides.gatewayPid);
    const isOne = sessions === 1;
    const isQueue = sessions > 1 && pace === instant;
    const figure = (name: string, unit: string, of: (side: Measured) => number, more: Partial<Figure> = {}) => {
      const beside = bare && of(bare);
      figures.push({
        part,
        what: `${what}: ${name}`,
        unit,
        value: of(gateway),
        ...(beside === undefined ? {} : { bare: beside }),
        ...more,
      });
    };
    if (!isQueue) {
      figure("added before the first delta", "ms", ({ first }) => first - direct.first, isOne ? { target } : {});
      figure("added before the first delta, p99", "ms", ({ firstP99 }) => firstP99 - direct.first);
      figure("added before the final", "ms", ({ final }) => final - direct.final);
      figure("accepted", "ms", ({ accepted }) => accepted);
    } else figure("turns", "/s", ({ perSecond }) => perSecond);
    if (!Number.isNaN(gateway.cpuPerTurn))
      figure("processor time of a turn", "ms", ({ cpuPerTurn }) => cpuPerTurn, isOne ? { target: { atMost: 2 } } : {});
  }
  return figures;
}

/** A conversation that grew with every turn would measure its own length, and a faster gateway would have the longer one. */
const conversation = 20;

export function asking(client: Pick<TurnClient, "turn">, name: string): Ask {
  const asked = new Map<number, number>();
  return (session, message) => {
    const before = asked.get(session) ?? 0;
    asked.set(session, before + 1);
    return client.turn(`agent:main:${name}-${session}-${Math.floor(before / conversation)}`, message);
  };
}

/** The model behind HTTP. */
export const httpTurns: Part = async ({ installation: installed, seconds }) => {
  const installation = await installed();
  await using upstream = await startUpstream();
  const home = installation.home({ config: { models: { default: "openai/bench" } } });
  await using gateway = await installation.start(home, {
    env: { OPENAI_API_KEY: "bench", OPENAI_BASE_URL: `${upstream.origin}/v1` },
  });
  await using bare = await startServer("bare", { BENCH_UPSTREAM: upstream.origin });
  const client = await connectTurns(gateway);
  const bareClient = await connectTurns({ url: `ws://127.0.0.1:${bare.port}`, token: "" });
  return await compareTurns(
    "turns, model behind HTTP",
    {
      gateway: asking(client, "http"),
      gatewayPid: gateway.pid,
      direct: (_, message) => upstream.ask(message),
      bare: { ask: asking(bareClient, "bare"), pid: bare.pid },
    },
    seconds,
  );
};

/** The model in the gateway's own process. */
export const inlineTurns: Part = async ({ installation: installed, seconds }) => {
  const installation = await installed();
  const home = installation.home({ plugins: ["bench-provider"], config: { models: { default: "bench/one" } } });
  await using gateway = await installation.start(home);
  const client = await connectTurns(gateway);
  return await compareTurns("turns, model in the gateway", { gateway: asking(client, "inline"), gatewayPid: gateway.pid }, seconds);
};

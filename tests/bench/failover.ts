/**
 * What it costs a turn that the first auth profile is dead: the time before the first text, less that of the same turns whose first
 * profile answers, in waves one after the other. Each turn of a wave has an endpoint of its own, so that each one meets a profile of which
 * nobody knows yet.
 */
import { type Figure, median, quantile } from "./figures.ts";
import type { GatewayProcess } from "./installation.ts";
import { type Pace, paceText } from "./pace.ts";
import type { Part } from "./part.ts";
import { connectTurns, type TurnClient, type TurnTimes } from "./turn-client.ts";
import { startUpstream } from "./upstream-process.ts";

/** As long as models take; the turns of a wave begin within one answer's time. One turn alone need not stream for long. */
const paced: Pace = { firstMs: 100, stepMs: 45, pieces: 20 };
const short: Pace = { firstMs: 50, stepMs: 0, pieces: 20 };
const retryPauseMs = 250;
const addedMs = 60;
const statuses = [401, 403, 429, 500] as const;
const most = 100;

const endpointAt = (number: number): string => `lab${number}`;
const sessionAt = (number: number): string => `agent:main:failover-${number}`;

export const failover: Part = async ({ installation: installed, seconds }) => {
  const installation = await installed();
  await using upstream = await startUpstream();
  const endpoint = { baseUrl: `${upstream.origin}/v1`, key: { secret: "NOT_THERE" }, models: ["bench"] };
  const endpoints = Object.fromEntries(Array.from({ length: most }, (_, number) => [endpointAt(number), endpoint]));
  const home = installation.home({
    config: {
      models: { default: `${endpointAt(0)}/bench` },
      failover: { retryPauseMs },
      plugins: { failover: { enabled: true }, "provider-openai": { enabled: true, config: { endpoints } } },
    },
  });
  await using gateway = await installation.start(home);
  const client = await connectTurns(gateway, ["operator.read", "operator.write", "operator.admin"]);
  const each = (turns: number, run: (number: number) => Promise<unknown>) =>
    Promise.all(Array.from({ length: turns }, (_, number) => run(number)));
  await each(most, async (number) => {
    await client.call("failover.profiles.add", { name: `${endpointAt(number)}:good`, value: "good" });
    await client.call("sessions.create", { key: sessionAt(number), model: `${endpointAt(number)}/bench` });
  });

  const figures: Figure[] = [];
  for (const status of statuses) {
    for (const turns of [1, most]) {
      const { dead, alive, cpu } = await compare(gateway, client, each, status, turns, seconds);
      const firsts = (times: readonly TurnTimes[]) => times.map(({ first }) => first);
      const added = median(firsts(dead)) - median(firsts(alive));
      const atMost = status === 500 ? retryPauseMs + addedMs : addedMs;
      const what = `${turns === 1 ? "1 turn" : `${turns} turns at once`}, the first profile answers ${status}: added before the first text`;
      const figure = { part: "failover", unit: "ms" } as const;
      figures.push({ ...figure, what, value: added, target: { atMost } });
      figures.push({ ...figure, what: `${what}, p99`, value: quantile(firsts(dead), 0.99) - median(firsts(alive)) });
      figures.push({ ...figure, what: `${what}: processor time of it`, value: cpu });
    }
  }
  client.close();
  return figures;
};

async function compare(
  gateway: GatewayProcess,
  client: TurnClient,
  each: (turns: number, run: (number: number) => Promise<unknown>) => Promise<unknown>,
  status: number,
  turns: number,
  seconds: number,
): Promise<{ readonly dead: readonly TurnTimes[]; readonly alive: readonly TurnTimes[]; readonly cpu: number }> {
  const pace = turns === 1 ? short : paced;
  const spread = turns === 1 ? 0 : pace.firstMs + pace.stepMs * pace.pieces;
  const cpu = { bad: 0, good: 0 };
  const wave = async (first: "bad" | "good", into: TurnTimes[]) => {
    await each(turns, async (number) => {
      const provider = endpointAt(number);
      // Added again, it is as new.
      await client.call("failover.profiles.add", { name: `${provider}:bad`, value: `fail-${status}` });
      await client.call("failover.order.set", { provider, profiles: [`${provider}:${first}`] });
    });
    const before = gateway.cpuMs();
    await each(turns, async (number) => {
      if (spread > 0) await Bun.sleep((number / turns) * spread);
      into.push(await client.turn(sessionAt(number), `hello ${paceText(pace)}`));
    });
    cpu[first] += gateway.cpuMs() - before;
  };
  await wave("good", []);
  cpu.good = 0;
  const [dead, alive]: [TurnTimes[], TurnTimes[]] = [[], []];
  const until = performance.now() + seconds * 1_000;
  do {
    await wave("bad", dead);
    await wave("good", alive);
  } while (performance.now() < until);
  return { dead, alive, cpu: (cpu.bad - cpu.good) / dead.length };
}

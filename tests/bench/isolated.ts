/**
 * A plugin under the sandbox as the gateway runs it: how long until it is ready, what it keeps, and what a call of it costs, with everything that
 * stands around a call, beside a bare echo on a unix socket of the same run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { treeOf } from "../../plugin-host/sandbox/use.ts";
import { type HostKit, startHost } from "../fixtures/plugin-host.ts";
import { type Figure, median, quantile } from "./figures.ts";
import { memory, takeCore } from "./machine.ts";
import type { Part } from "./part.ts";
import { bareSide, inFlight, io, oneAtATime, params, perSecond } from "./peer.ts";
import { startOtherEnd } from "./peer-process.ts";
import { calls } from "./plugins/bench-isolated/calls.ts";

const id = "bench-isolated";
const starts = 40;
const rounds = 9;
const items = 1_000;

const enabled = (is: boolean) => ({ plugins: { [id]: { enabled: is, isolation: "process" } } });

/** Bundled once, as an installed plugin is from its second start on. */
const startIsolated = (confines: boolean): Promise<HostKit> =>
  startHost({
    clock: systemClock,
    roots: [{ path: join(import.meta.dir, "plugins"), layout: "source" }],
    config: enabled(true),
    ...(confines ? {} : { confinement: async () => ({ missing: "to compare with", mend: "" }) }),
  });

/** From the first use to the process that answers. */
async function startTimes(kit: HostKit): Promise<number[]> {
  await kit.host.activate(id); // looks at the machine, bundles, compiles
  const times: number[] = [];
  for (let n = 0; n < starts; n++) {
    for (const is of [false, true]) {
      await kit.configure(enabled(is));
      await kit.host.refresh(); // until it has followed
    }
    const began = performance.now();
    await kit.host.activate(id);
    times.push(performance.now() - began);
  }
  return times;
}

/** A bare Bun, from its start until it has connected. */
async function bareStarts(folder: string): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n <= starts; n++) {
    const unix = join(folder, `start-${n}`);
    const side = bareSide(unix);
    const began = performance.now();
    await using _end = startOtherEnd("bare", unix);
    await side;
    times.push(performance.now() - began);
  }
  return median(times.slice(1));
}

/** Its own process, not those that confine it. */
const processOf = (kit: HostKit): number => [...treeOf(kit.host.inspect(id).pid!)].at(-1)!.pid;

export const isolated: Part = async ({ seconds }) => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-bench-bare-"));
  const part = "a plugin under the sandbox";
  const figure = (what: string, unit: string, value: number, more: Partial<Figure> = {}): Figure => ({ part, what, unit, value, ...more });
  const figures: Figure[] = [];
  const bareStart = await bareStarts(folder);
  {
    await using kit = await startIsolated(false);
    figures.push(figure("ready, without the sandbox, p50", "ms", median(await startTimes(kit)), { bare: bareStart }));
  }
  await using kit = await startIsolated(true);
  const times = await startTimes(kit);
  const { enforced } = kit.host.inspect(id);
  if (!enforced) throw new Error("bubblewrap cannot confine here: install it, or see what pincer doctor says");
  figures.push(
    figure("ready (bundled), p50", "ms", median(times), { bare: bareStart, target: { atMost: 30 } }),
    figure("ready (bundled), p99", "ms", quantile(times, 0.99)),
  );
  const pid = processOf(kit);
  const used = memory(pid);
  figures.push(figure("private memory of its process", "MB", used.private), figure("PSS of its process", "MB", used.pss));

  // The other end has the measured core, as the bare one has.
  takeCore("measured", pid);
  const unix = join(folder, "echo");
  const bareEnd = bareSide(unix);
  await using _end = startOtherEnd("bare", unix);
  const bare = await bareEnd;
  const held = kit.host.handle(calls);
  const small = () => held.echo(params, io);
  const stream = async () => {
    let read = 0;
    for await (const _ of held.count({ until: items }, io)) read++;
    if (read !== items) throw new Error(`expected ${items} items, came ${read}`);
  };
  const slice = seconds / rounds;
  const found: Record<string, number>[] = [];
  for (let round = 0; round <= rounds; round++) {
    const bareSmall = await oneAtATime(bare.small, slice);
    const took = await oneAtATime(small, slice);
    found.push({
      ...{ bareP50: median(bareSmall), p50: median(took), bareP99: quantile(bareSmall, 0.99), p99: quantile(took, 0.99) },
      ...{ bareRate: await perSecond(bare.small, slice), rate: await perSecond(small, slice) },
      stream: median(await oneAtATime(stream, slice)) / 1_000,
    });
  }
  rmSync(folder, { recursive: true });
  found.shift(); // the first one warms up
  const of = (name: string) => median(found.map((round) => round[name] ?? Number.NaN));
  const beyond = median(found.map(({ p50 = Number.NaN, bareP50 = Number.NaN }) => p50 - bareP50));
  return [
    ...figures,
    figure("a call of a contract, p50", "us", of("p50"), { bare: of("bareP50") }),
    figure("a call, p50: beyond the bare echo", "us", beyond, { target: { atMost: 30 } }),
    figure("a call, p99", "us", of("p99"), { bare: of("bareP99") }),
    figure(`${inFlight} in flight: calls`, "/s", of("rate"), { bare: of("bareRate") }),
    figure(`a stream of ${items} items`, "ms", of("stream")),
  ];
};

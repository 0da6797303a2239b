/** Requests over a socket to a whole gateway: how many, and what one costs, beside a bare echo of the same run. */
import { type Figure, median } from "./figures.ts";
import { cpuMs } from "./machine.ts";
import type { Against, Part } from "./part.ts";
import { helloFor, loadFor, openSockets } from "./raw-load.ts";
import { startServer } from "./server-process.ts";
import { connectTurns } from "./turn-client.ts";

const rounds = 5;
const params = { text: "what is the weather in the mountains", n: 7 };

export async function compareRequests(part: string, against: Against, seconds: number): Promise<readonly Figure[]> {
  const { url, token, pid, method, params } = against;
  await using bare = await startServer("bare");
  const figures: Figure[] = [];
  // A refusal would be answered fast, and counted.
  const client = await connectTurns(against);
  await client.call(method, params);
  client.close();
  for (const [connections, depth] of [
    [1, 1],
    [100, 1],
    [100, 16],
  ] as const) {
    const sides = {
      bare: { sockets: await openSockets(bare.port, connections), pid: bare.pid },
      gateway: { sockets: await openSockets(Number(new URL(url).port), connections, helloFor(token)), pid },
    };
    const found = { bare: [] as { perSecond: number; cpuUs: number }[], gateway: [] as { perSecond: number; cpuUs: number }[] };
    for (let round = 0; round <= rounds; round++) {
      for (const side of ["bare", "gateway"] as const) {
        const { sockets, pid } = sides[side];
        const before = pid === undefined ? Number.NaN : cpuMs(pid);
        const { answered, tookMs } = await loadFor(sockets, { method, params }, depth, seconds / rounds);
        const cpuUs = pid === undefined ? Number.NaN : ((cpuMs(pid) - before) * 1_000) / answered;
        if (round > 0) found[side].push({ perSecond: (answered / tookMs) * 1_000, cpuUs });
      }
    }
    for (const socket of [...sides.bare.sockets, ...sides.gateway.sockets]) socket.close();
    const of = (side: "bare" | "gateway", name: "perSecond" | "cpuUs") => median(found[side].map((round) => round[name]));
    const what = `${connections === 1 ? "1 connection" : `${connections} connections`}, ${depth} in flight`;
    const ratio = median(found.gateway.map(({ perSecond }, round) => perSecond / found.bare[round]!.perSecond));
    figures.push({ part, what: `${what}: requests`, unit: "/s", value: of("gateway", "perSecond"), bare: of("bare", "perSecond") });
    figures.push({ part, what: `${what}: of the bare rate`, unit: "%", value: 100 * ratio, target: { atLeast: 60 } });
    const cpu = of("gateway", "cpuUs");
    if (!Number.isNaN(cpu)) figures.push({ part, what: `${what}: processor time`, unit: "us", value: cpu, bare: of("bare", "cpuUs") });
  }
  return figures;
}

export const requests: Part = async ({ installation: installed, seconds }) => {
  const installation = await installed();
  await using gateway = await installation.start(installation.home({ plugins: ["bench-echo"] }));
  return await compareRequests("requests, whole gateway, a plugin's method", { ...gateway, method: "bench-echo.echo", params }, seconds);
};

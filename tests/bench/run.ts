/**
 * `bun run bench`: the table of what the design promises, each figure beside its target and a bare server of the same run. What is measured
 * has one core, the load on it another. Everything stays on loopback and takes a few minutes.
 *
 *   --only <name>[,<name>]   some parts alone
 *   --seconds <n>            how long one measurement takes; 4 when not given
 *   --json <file>            where the figures go as JSON; .build/bench.json when not given
 *   --against <ws url>       the wire parts against any gateway that speaks the protocol
 *   --token <token>          its shared token
 *   --pid <pid>              its process, when it runs on this machine: then its cost is measured too
 *   --method <name>          a method of it that answers at once; last-heartbeat when not given
 *   --upstream-port <port>   where the model listens that it was told to use (OpenAI's Chat Completions)
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { channelParts } from "./channels.ts";
import { coldStart } from "./cold-start.ts";
import { dependencies } from "./dependencies.ts";
import { dev } from "./dev.ts";
import { failover } from "./failover.ts";
import { compareFanOut, fanOut } from "./fan-out.ts";
import { type Figure, judge, print } from "./figures.ts";
import { type Installation, install } from "./installation.ts";
import { manyInstalled } from "./installed.ts";
import { isolated } from "./isolated.ts";
import { machine, takeCore } from "./machine.ts";
import { idleMemory } from "./memory.ts";
import { openAiApi } from "./openai-api.ts";
import type { Against, Part } from "./part.ts";
import { peer } from "./peer.ts";
import { registry } from "./registry.ts";
import { compareRequests, requests } from "./requests.ts";
import { bus, lanes, sessions } from "./rooms.ts";
import { startServer } from "./server-process.ts";
import { size } from "./size.ts";
import { skills } from "./skills.ts";
import { swap } from "./swap.ts";
import { connectTurns } from "./turn-client.ts";
import { asking, compareTurns, httpTurns, inlineTurns } from "./turns.ts";
import { startUpstream } from "./upstream-process.ts";

const parts: Readonly<Record<string, Part>> = {
  start: coldStart,
  memory: idleMemory,
  installed: manyInstalled,
  bus,
  requests,
  turns: httpTurns,
  "inline-turns": inlineTurns,
  failover,
  "openai-api": openAiApi,
  ...channelParts,
  lanes,
  "fan-out": fanOut,
  sessions,
  swap,
  dev,
  peer,
  isolated,
  size,
  registry,
  skills,
  dependencies,
};

const repository = dirname(dirname(import.meta.dir));
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    seconds: { type: "string", default: "4" },
    json: { type: "string", default: join(repository, ".build", "bench.json") },
    against: { type: "string" },
    token: { type: "string", default: "" },
    pid: { type: "string" },
    method: { type: "string", default: "last-heartbeat" },
    "upstream-port": { type: "string" },
  },
});
const seconds = Number(values.seconds);

async function whole(wanted: readonly string[], say: (line: string) => void): Promise<Figure[]> {
  let installing: Promise<Installation> | undefined;
  const installation = () => (installing ??= install());
  const figures: Figure[] = [];
  try {
    for (const name of wanted) {
      say(`measuring: ${name}`);
      figures.push(...(await parts[name]!({ seconds, installation })));
    }
  } finally {
    (await installing)?.[Symbol.dispose]();
  }
  return figures;
}

/** What can be asked of any gateway; that it answers by the scripted model is for its operator to see to. */
async function overTheWire(against: Against, upstreamPort: number | undefined, wanted: readonly string[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  const wants = (name: string) => wanted.includes(name);
  if (wants("requests")) figures.push(...(await compareRequests(`requests, ${against.method}`, against, seconds)));
  if (upstreamPort === undefined) return figures;
  await using upstream = await startUpstream(upstreamPort);
  const env = { BENCH_UPSTREAM: upstream.origin };
  if (wants("turns")) {
    await using bare = await startServer("bare", env);
    const bareClient = await connectTurns({ url: `ws://127.0.0.1:${bare.port}`, token: "" });
    const client = await connectTurns(against);
    const sides = {
      gateway: asking(client, "bench"),
      gatewayPid: against.pid,
      direct: (_: number, message: string) => upstream.ask(message),
      bare: { ask: (_: number, message: string) => bareClient.turn("bare", message), pid: bare.pid },
    };
    figures.push(...(await compareTurns("turns, model behind HTTP", sides, seconds)));
  }
  if (wants("fan-out")) figures.push(...(await compareFanOut("fan-out of streamed text", against, env)));
  return figures;
}

const wanted = values.only === undefined ? Object.keys(parts) : values.only.split(",");
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`there is no part "${unknown.join('", "')}": there are ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}
takeCore("load", process.pid);
const about = {
  at: new Date().toISOString(),
  commit: Bun.spawnSync(["git", "rev-parse", "--short", "HEAD"], { cwd: repository }).stdout.toString().trim(),
  against: values.against ?? null,
  seconds,
  machine: machine(),
};
console.log(`${about.machine.cpu}, ${about.machine.cores} cores, Bun ${about.machine.bun}, load average ${about.machine.loadAverage}`);
if (!about.machine.pinned) console.log("no taskset here: what is measured and the load share their cores");
const port = values["upstream-port"];
const figures =
  values.against === undefined
    ? await whole(wanted, console.log)
    : await overTheWire(
        {
          url: values.against,
          token: values.token,
          method: values.method,
          params: {},
          ...(values.pid === undefined ? {} : { pid: Number(values.pid) }),
        },
        port === undefined ? undefined : Number(port),
        wanted,
      );
const verdicts = figures.map(judge);
print(verdicts, console.log);
const missed = verdicts.filter(({ met }) => met === false);
console.log(`\n${verdicts.filter(({ met }) => met === true).length} targets met, ${missed.length} missed`);
mkdirSync(dirname(values.json), { recursive: true });
writeFileSync(values.json, `${JSON.stringify({ ...about, figures: verdicts }, null, 2)}\n`);
console.log(`figures: ${values.json}`);
process.exit(0);

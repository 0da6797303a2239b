/**
 * A plugin replaced a thousand times under 200 turns a second, each of which it has a say in, with 500 sockets open: how soon the new one
 * answers, what breaks meanwhile, and what each version leaves in memory. In the gateway's own process, which has a core to itself, and in one
 * under the sandbox, which takes what it needs of both cores, as the gateway then does.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bundleSource } from "@pincer/plugin-sdk/runtime/bundler";
import { keptBundle } from "@pincer/plugin-sdk/runtime/bundles";
import { type Figure, median, quantile } from "./figures.ts";
import { codeOf, type GatewayProcess, type Home, type Installation, installVersion, trusted } from "./installation.ts";
import { cpuMs } from "./machine.ts";
import { instant, paceText } from "./pace.ts";
import type { Part } from "./part.ts";
import { helloFor, openSockets } from "./raw-load.ts";
import { connectTurns, type TurnClient } from "./turn-client.ts";
import { asking } from "./turns.ts";

const id = "bench-swapped";
/** With the four seconds that a measurement takes when nobody says otherwise: a thousand. */
const swapsPerSecond = 250;
const turnsPerSecond = 200;
const sessions = 100;
const sockets = 500;
/** Of them, those that are told of every turn; the others may not read. */
const readers = 20;
const callers = 4;
const callPauseMs = 5;
/** Turns that are open at once; when there are so many, the gateway does not keep up and the next one waits. */
const mostOpen = 200;
/** Until what a load leaves behind has been collected. */
const settleMs = 5_000;

/** Every version is other code, as every release is. */
const versionOf = (code: string, number: number) => code.replace("build-0", `build-${number}`);

/** Milliseconds that importing such a file takes, in a process that has the SDK's imports behind it. */
async function importMs(home: Home, code: string): Promise<number> {
  const times: number[] = [];
  for (let number = 1; number <= 50; number++) {
    const file = join(home.path, `import-${number}.js`);
    await Bun.write(file, versionOf(code, number));
    const began = performance.now();
    await import(file);
    times.push(performance.now() - began);
  }
  return median(times);
}

/** What a version costs while its process starts: it is bundled. */
async function bundlingMs(home: Home): Promise<number> {
  const times: number[] = [];
  for (let number = 1; number <= 15; number++) {
    const plugin = { id, folder: join(home.path, "plugins", id, "v0"), entry: "plugin.js" };
    const began = performance.now();
    await keptBundle(plugin, join(home.path, `bundling-${number}`), import.meta.dir, bundleSource);
    times.push(performance.now() - began);
  }
  return median(times);
}

/** Turns at a pace, and calls of the plugin, until it is stopped. */
function load(turning: TurnClient, calling: readonly TurnClient[]) {
  const began = performance.now();
  const failures: string[] = [];
  const open = new Set<Promise<void>>();
  let stopping = false;
  let [turns, calls] = [0, 0];
  const ask = asking(turning, "swap");
  const pace = async () => {
    for (let n = 0; !stopping; n++) {
      const wait = began + (n * 1_000) / turnsPerSecond - performance.now();
      if (wait > 0) await Bun.sleep(wait);
      if (open.size >= mostOpen) await Promise.race(open);
      const turn: Promise<void> = ask(n % sessions, `hello ${paceText(instant)}`)
        .then(
          () => void turns++,
          (error) => void failures.push(`a turn: ${error}`),
        )
        .finally(() => void open.delete(turn));
      open.add(turn);
    }
    await Promise.all(open);
  };
  const call = async (client: TurnClient) => {
    while (!stopping) {
      await client.call(`${id}.echo`, { text: "hello", n: calls }).then(
        () => void calls++,
        (error) => void failures.push(`a call: ${error}`),
      );
      await Bun.sleep(callPauseMs);
    }
  };
  const done = Promise.all([pace(), ...calling.map(call)]);
  const stop = async () => {
    stopping = true;
    await done;
    return { turns, calls, failures, perSecond: (turns / (performance.now() - began)) * 1_000 };
  };
  return {
    get turns() {
      return turns;
    },
    stop,
    /** Also where the measurement itself fails: nothing is asked of a gateway that is gone. */
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

async function settledRss(gateway: GatewayProcess): Promise<number> {
  await Bun.sleep(settleMs);
  return gateway.memory().rss;
}

async function measure(installation: Installation, code: string, isolation: "inline" | "process", swaps: number): Promise<Figure[]> {
  const own = isolation === "inline" ? trusted : { enabled: true, isolation };
  const home = installation.home({ plugins: ["bench-provider"], config: { models: { default: "bench/one" }, plugins: { [id]: own } } });
  installVersion(home.path, id, "v0", code);
  const ownImport = await importMs(home, code);
  const bundling = isolation === "process" ? await bundlingMs(home) : undefined;
  await using gateway = await installation.start(home, { asService: isolation === "process" });
  const admin = await connectTurns(gateway, ["operator.read", "operator.admin"]);
  const turning = await connectTurns(gateway);
  const calling = await Promise.all(Array.from({ length: callers }, () => connectTurns(gateway)));
  const port = Number(new URL(gateway.url).port);
  const held = [
    ...(await openSockets(port, readers, helloFor(gateway.token))),
    ...(await openSockets(port, sockets - readers - callers - 2, helloFor(gateway.token, ["operator.pairing"]))),
  ];
  let dropped = 0;
  for (const socket of held) socket.onClose = () => void dropped++;

  await using loaded = load(turning, calling);
  while (loaded.turns < turnsPerSecond * 2) await Bun.sleep(10);
  const rssBefore = gateway.memory().rss;
  const cpuBefore = cpuMs(gateway.pid);
  const begun = performance.now();
  const visible: number[] = [];
  for (let number = 1; number <= swaps; number++) {
    installVersion(home.path, id, `v${number}`, versionOf(code, number));
    if (number > 2) rmSync(join(home.path, "plugins", id, `v${number - 3}`), { recursive: true, force: true });
    const { visibleMs } = await admin.call<{ visibleMs: number }>("plugins.reload", { pluginId: id });
    visible.push(visibleMs);
    const { build } = await admin.call<{ build: string }>(`${id}.version`, {});
    if (build !== `build-${number}`) throw new Error(`after swap ${number} ${build} answered`);
  }
  const took = performance.now() - begun;
  const cpu = (cpuMs(gateway.pid) - cpuBefore) / took;
  const { turns, calls, failures, perSecond } = await loaded.stop();
  const grown = (await settledRss(gateway)) - rssBefore;
  for (const client of [...calling, turning, admin]) client.close();
  for (const socket of held) {
    socket.onClose = () => undefined;
    socket.close();
  }
  for (const failure of failures.slice(0, 5)) console.log(`  ${failure}`);
  const where = isolation === "inline" ? "an inline plugin" : "a plugin in its own process";
  const part = `${swaps.toLocaleString("en-US")} swaps of ${where} under ${turnsPerSecond} turns a second and ${sockets} sockets`;
  const figure = (what: string, value: number, unit: string, more: Partial<Figure> = {}): Figure => ({ part, what, value, unit, ...more });
  const most = isolation === "inline" ? 25 : 60;
  const asked = (turns + calls).toLocaleString("en-US");
  return [
    figure("visible beyond its own import, p50", median(visible) - ownImport, "ms"),
    figure("visible beyond its own import, p99", quantile(visible, 0.99) - ownImport, "ms", { target: { atMost: most } }),
    figure("its own import", ownImport, "ms"),
    ...(bundling === undefined ? [] : [figure("of it: bundled, alone, p50", bundling, "ms")]),
    figure("swaps", (swaps / took) * 1_000, "/s"),
    figure("turns that were reached", perSecond, "/s"),
    figure(`failed of ${asked} turns and calls`, failures.length, "", { target: { atMost: 0 } }),
    figure(`dropped of ${sockets} sockets`, dropped, "", { target: { atMost: 0 } }),
    figure("memory kept for each version", (grown / swaps) * 1024, "KB"),
    figure("processor that the gateway used, of one", cpu * 100, "%"),
  ];
}

export const swap: Part = async ({ installation: installed, seconds }) => {
  const installation = await installed();
  const code = codeOf(installation.home({ plugins: [id] }).path, id);
  // As an archive holds it, which the gateway bundles.
  const source = new Bun.Transpiler({ loader: "ts" }).transformSync(
    readFileSync(join(import.meta.dir, "plugins", id, "plugin.ts"), "utf8"),
  );
  const swaps = Math.round(swapsPerSecond * seconds);
  return [...(await measure(installation, code, "inline", swaps)), ...(await measure(installation, source, "process", swaps))];
};

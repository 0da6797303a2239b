/** A plugin replaced again and again under load: how soon the new one answers, and what breaks meanwhile. */
import { join } from "node:path";
import { type Figure, median, quantile } from "./figures.ts";
import { codeOf, type Home, installVersion } from "./installation.ts";
import type { Part } from "./part.ts";
import { connectTurns, type TurnClient } from "./turn-client.ts";

const swaps = 200;
const connections = 4;
const id = "bench-echo";

/** Every version is other code, as every release is. */
const versionOf = (code: string, number: number) => code.replace("build-0", `build-${number}`);

/** Milliseconds that importing such a file takes, in a process that has the SDK's imports behind it. */
async function importMs(home: Home): Promise<number[]> {
  const times: number[] = [];
  for (let number = 1; number <= 50; number++) {
    const file = join(home.path, `import-${number}.js`);
    await Bun.write(file, versionOf(codeOf(home.path, id), number));
    const began = performance.now();
    await import(file);
    times.push(performance.now() - began);
  }
  return times;
}

/** Calls without a pause, and counts. */
function load(clients: readonly TurnClient[]) {
  let stopping = false;
  let answered = 0;
  const failures: string[] = [];
  const done = Promise.all(
    clients.map(async (client) => {
      while (!stopping) {
        try {
          await client.call("bench-echo.echo", { text: "hello", n: answered });
          answered++;
        } catch (error) {
          failures.push(String(error));
          if (failures.length > 100) return;
        }
      }
    }),
  );
  return {
    async stop() {
      stopping = true;
      await done;
      return { answered, failures };
    },
  };
}

export const swap: Part = async ({ installation: installed }) => {
  const installation = await installed();
  const home = installation.home({ plugins: [id] });
  const code = codeOf(home.path, id);
  await using gateway = await installation.start(home);
  const clients = await Promise.all(Array.from({ length: connections }, () => connectTurns(gateway)));
  const admin = await connectTurns(gateway, ["operator.read", "operator.admin"]);
  await admin.call("bench-echo.echo", { text: "load it", n: 0 });
  const loaded = load(clients);
  const visible: number[] = [];
  const seen: number[] = [];
  const rssBefore = gateway.memory().rss;
  for (let number = 1; number <= swaps; number++) {
    installVersion(home.path, id, `v${number}`, versionOf(code, number));
    const began = performance.now();
    const { visibleMs } = await admin.call<{ visibleMs: number }>("plugins.reload", { pluginId: id });
    seen.push(performance.now() - began);
    visible.push(visibleMs);
    const { build } = await admin.call<{ build: string }>("bench-echo.version", {});
    if (build !== `build-${number}`) throw new Error(`after swap ${number} ${build} answered`);
  }
  const { answered, failures } = await loaded.stop();
  const grown = (gateway.memory().rss - rssBefore) / swaps;
  for (const client of [...clients, admin]) client.close();
  const imports = await importMs(home);
  const own = median(imports);
  const part = `${swaps} swaps of an inline plugin under load`;
  const figure = (what: string, value: number, unit: string, more: Partial<Figure> = {}): Figure => ({ part, what, value, unit, ...more });
  return [
    figure("visible beyond its own import, p50", median(visible) - own, "ms"),
    figure("visible beyond its own import, p99", quantile(visible, 0.99) - own, "ms", { target: { atMost: 25 } }),
    figure("its own import", own, "ms"),
    figure("answer to plugins.reload, p50", median(seen), "ms"),
    figure(`failed calls of ${answered.toLocaleString("en-US")}`, failures.length, "", { target: { atMost: 0 } }),
    figure("memory kept for each version", grown * 1024, "KB"),
  ];
};

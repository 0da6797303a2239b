/**
 * The gateway that is tried, in a process of its own: with the whole default set, and told over a channel to collect its garbage and say what
 * is left, or to take back its configuration. Prints where it listens and what can be called.
 */

import { heapStats } from "bun:jsc";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createGateway } from "../../kernel/gateway.ts";
import type { LogLine } from "../../kernel/log.ts";
import type { Shape } from "./values.ts";

export interface TargetSettings {
  readonly home: string;
  readonly token: string;
}

export interface TargetMethod {
  readonly name: string;
  readonly params: Shape;
}

export interface Started {
  readonly url: string;
  readonly methods: readonly TargetMethod[];
}

/** Bytes. */
export interface Left {
  readonly heap: number;
  readonly objects: number;
  readonly rss: number;
}

export type TargetAsk = "memory" | "restore";
export type TargetTold = { readonly left: Left } | { readonly restored: true } | { readonly fault: string };

const { home, token } = JSON.parse(process.argv[2] ?? "{}") as TargetSettings;
const repository = join(import.meta.dir, "..", "..");
const config = {
  gateway: {
    port: 0,
    auth: { token },
    handshakeMs: 1_000,
    controlPlane: { calls: 1_000_000 },
    lockout: { loopbackFactor: 1_000_000 },
    wrongRoleCalls: 1_000,
    // Small, so that what is bounded has come to its bound before the second half.
    frameBytes: 1_048_576,
    stabilityEvents: 100,
    keptRows: 2_000,
  },
  plugins: { agent: { config: { contextCacheBytes: 200_000 } }, "provider-demo": { config: { deltaMs: 0 } } },
};
const file = join(home, "pincer.json5");
const restore = () => writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
const tell = (told: TargetTold) => process.send?.(told);
const fault = (what: string, error: unknown) =>
  tell({ fault: `${what}: ${error instanceof Error ? (error.stack ?? error.message) : error}` });

process.on("uncaughtException", (error) => fault("an exception that nobody caught", error));
process.on("unhandledRejection", (error) => fault("a rejection that nobody handled", error));

mkdirSync(home, { recursive: true, mode: 0o700 });
restore();
const gateway = await createGateway({
  home,
  env: {},
  folders: [{ path: join(repository, "plugins"), layout: "source" }],
  // Whatever a client sends is the client's fault, and no error of the gateway.
  print: ({ level, ...line }: LogLine) => {
    if (level === "error") fault("an error in the log", JSON.stringify(line));
  },
});
const { url } = await gateway.start();

process.on("message", async (ask: TargetAsk) => {
  if (ask === "restore") {
    restore();
    await gateway.config.reload();
    return tell({ restored: true });
  }
  for (let n = 0; n < 3; n++) Bun.gc(true);
  const { heapSize, extraMemorySize, objectCount } = heapStats();
  tell({ left: { heap: heapSize + extraMemorySize, objects: objectCount, rss: process.memoryUsage.rss() } });
});
process.on("SIGTERM", async () => {
  await gateway.stop("the trial is over");
  process.exit(0);
});

const own = await Promise.all(
  gateway.bus.own().methods.map(async (binding) => ({ name: binding.name, params: (await binding.resolve()).method.params })),
);
const plugins = gateway.host
  .list()
  .flatMap(({ state, manifest }) =>
    state === "disabled" ? [] : Object.entries(manifest?.generated?.methods ?? {}).map(([name, { params }]) => ({ name, params })),
  );
const methods = [...new Map([...own, ...plugins].map((method) => [method.name, method])).values()];
console.log(JSON.stringify({ url, methods }));

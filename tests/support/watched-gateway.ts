/**
 * A gateway in a process of its own, whose memory can be asked for after a forced collection and whose configuration can be put back: for
 * campaigns that go on for long. Prints where it listens and what can be called; `watched-process.ts` starts it.
 */
import { heapStats } from "bun:jsc";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createGateway } from "../../kernel/gateway.ts";
import type { LogLine } from "../../kernel/log.ts";

export interface WatchedSettings {
  readonly home: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Where plugins are looked for, besides the repository's own. */
  readonly plugins?: readonly string[];
  /** Plugins instead of the default set. */
  readonly only?: readonly string[];
}

export interface WatchedMethod {
  readonly name: string;
  /** JSON Schema. */
  readonly params: object;
}

export interface Started {
  readonly url: string;
  readonly methods: readonly WatchedMethod[];
}

/** Bytes; `rss` as it is, the others after a forced collection. */
export interface Left {
  /** Without `code`. */
  readonly heap: number;
  /** What is compiled: functions, which the engine compiles better and better, and SQL, of which the store keeps so many statements. */
  readonly code: number;
  readonly objects: number;
  readonly rss: number;
}

export type Ask = "memory" | "restore" | "stop";
export type Told = { readonly left: Left } | { readonly done: "restore" | "stop" } | { readonly fault: string };

const { home, config, plugins = [], only } = JSON.parse(process.argv[2] ?? "{}") as WatchedSettings;
const repository = join(import.meta.dir, "..", "..");
const restore = () => writeFileSync(join(home, "pincer.json5"), JSON.stringify(config), { mode: 0o600 });
const tell = (told: Told) => process.send?.(told);
const fault = (what: string, error: unknown) =>
  tell({ fault: `${what}: ${error instanceof Error ? (error.stack ?? error.message) : error}` });

process.on("uncaughtException", (error) => fault("an exception that nobody caught", error));
process.on("unhandledRejection", (error) => fault("a rejection that nobody handled", error));

mkdirSync(home, { recursive: true, mode: 0o700 });
restore();
const gateway = await createGateway({
  home,
  env: {},
  folders: [join(repository, "plugins"), ...plugins].map((path) => ({ path, layout: "source" as const })),
  ...(only && { defaults: only }),
  // Whatever a client sends is the client's fault, and no error of the gateway.
  print: ({ level, ...line }: LogLine) => {
    if (level === "error") fault("an error in the log", JSON.stringify(line));
  },
});
const { url } = await gateway.start();

// Whoever started it is gone, and nobody will stop it any more.
process.on("disconnect", () => process.exit(1));
process.on("message", async (ask: Ask) => {
  if (ask === "restore") {
    restore();
    await gateway.config.reload();
    return tell({ done: ask });
  }
  if (ask === "stop") {
    await gateway.stop("the campaign is over");
    return tell({ done: ask });
  }
  for (let n = 0; n < 4; n++) {
    Bun.gc(true);
    // What a collection has finished with is let go of in a task of its own.
    await new Promise((resolve) => void setImmediate(resolve));
  }
  const { heapSize, objectCount } = heapStats();
  const code = codeBytes();
  tell({ left: { heap: heapSize - code, code, objects: objectCount, rss: process.memoryUsage.rss() } });
});

const compiled = /(CodeBlock|Executable)$|^SQLStatement$/;

/** A node is its id, its size, the index of its class's name, and its flags. */
function codeBytes(): number {
  const { nodes, nodeClassNames } = Bun.generateHeapSnapshot();
  let bytes = 0;
  for (let at = 0; at < nodes.length; at += 4) if (compiled.test(nodeClassNames[nodes[at + 2]!]!)) bytes += nodes[at + 1]!;
  return bytes;
}

const own = await Promise.all(
  gateway.bus.own().methods.map(async (binding) => ({ name: binding.name, params: (await binding.resolve()).method.params })),
);
const others = gateway.host
  .list()
  .flatMap(({ state, manifest }) =>
    state === "disabled" ? [] : Object.entries(manifest?.generated?.methods ?? {}).map(([name, { params }]) => ({ name, params })),
  );
const methods = [...new Map([...own, ...others].map((method) => [method.name, method])).values()];
console.log(JSON.stringify({ url, methods } satisfies Started));

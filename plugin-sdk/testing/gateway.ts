/** A real gateway for tests: in this process, on a free port, with a home of its own that goes when it is disposed. */
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { createGateway, type Gateway, type GatewayOptions } from "../../kernel/gateway.ts";
import { type ClientOptions, WireClient } from "./client.ts";

export interface TestGatewayOptions {
  /** Folders in which plugins are looked for; Pincer's own are always there. */
  readonly plugins?: readonly string[];
  /** Further folders of what was installed, beside that of the home: nothing in them is trusted, or enabled. */
  readonly installed?: readonly string[];
  /** Plugins to enable besides the default set; or exactly these, when `only`. */
  readonly enable?: readonly string[];
  readonly only?: readonly string[];
  /** Merged over what a test gateway needs; of several, each over those before it. */
  readonly config?: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[];
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: GatewayOptions["clock"];
  /** A home to start again in; kept at the end when given. */
  readonly home?: string;
  readonly commitDelayMs?: number;
  readonly probe?: GatewayOptions["probe"];
  readonly onFrame?: ClientOptions["onFrame"];
}

type LogLine = Readonly<Record<string, unknown>>;

export interface TestGateway extends AsyncDisposable {
  readonly home: string;
  readonly url: string;
  readonly http: string;
  readonly token: string;
  readonly gateway: Gateway;
  /** Log lines of this gateway, newest last. */
  readonly lines: readonly LogLine[];
  /**
   * Resolves with the first line of that event, from that line of the log on, also when it was written already. Rejects with the reason when a plugin
   * does not load meanwhile: whoever should have written it may never do.
   */
  logged(event: string, from?: number): Promise<LogLine>;
  /** A client as the CLI is one: all scopes, no device. */
  connect(options?: Partial<ClientOptions>): Promise<WireClient>;
  request(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

/** The SDK's package ships Pincer's own plugins bundled, beside this code; in the repository they run from their source. */
const bundle = existsSync(join(import.meta.dir, "plugins.json")) ? import.meta.dir : undefined;
const repository = dirname(dirname(import.meta.dir));
const own = join(bundle ?? repository, "plugins");
/** Whether a gateway trusts the plugin of that folder, since it is of this repository. */
export const isOwn = (folder: string): boolean => bundle === undefined && folder.startsWith(repository + sep);
const TOKEN = "test-token-of-a-gateway";

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function merge(base: Record<string, unknown>, over: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isObject(before) && isObject(value) ? merge(before, value) : value;
  }
  return merged;
}

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), "pincer-")));
  const enabled = Object.fromEntries((options.enable ?? []).map((id) => [id, { enabled: true }]));
  const needed = { gateway: { port: 0, checkResults: true, auth: { token: TOKEN } }, plugins: enabled };
  const config = [options.config ?? []].flat().reduce(merge, needed);
  await writeFile(join(home, "pincer.json5"), JSON.stringify(config, null, 2), { mode: 0o600 });
  const lines: LogLine[] = [];
  const awaited = new Set<(line: LogLine) => void>();
  const note = (line: LogLine) => {
    lines.push(line);
    for (const look of awaited) look(line);
  };
  const gateway = await createGateway({
    home,
    env: options.env ?? {},
    folders: [
      ...[own, ...(options.plugins ?? [])].map((path) => ({ path, layout: "source" as const })),
      ...[join(home, "plugins"), ...(options.installed ?? [])].map((path) => ({ path, layout: "installed" as const })),
    ],
    print: (line) => note({ ...line }),
    ...(bundle !== undefined && { bundle }),
    ...(options.only && { defaults: options.only }),
    ...(options.clock && { clock: options.clock }),
    ...(options.probe && { probe: options.probe }),
    ...(options.commitDelayMs !== undefined && { commitDelayMs: options.commitDelayMs }),
  });
  const { url } = await gateway.start();
  const clients = new Set<WireClient>();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= (async () => {
      await gateway.stop("the test is over");
      await Promise.all([...clients].map((client) => client.closed));
    })();
    return stopped;
  };
  const socket = url.replace(/^http/, "ws");
  return {
    home,
    url: socket,
    http: url.replace(/\/$/, ""),
    token: TOKEN,
    gateway,
    lines,
    logged(event, from = 0) {
      const there = lines.slice(from).find((line) => line["event"] === event);
      if (there) return Promise.resolve(there);
      return new Promise((resolve, reject) => {
        const look = (line: LogLine) => {
          const isFailure = line["event"] === "plugin.failed";
          if (line["event"] !== event && !isFailure) return;
          awaited.delete(look);
          if (line["event"] === event) resolve(line);
          else reject(new Error(`"${event}" was awaited, and the plugin ${line["plugin"]} does not load: ${line["error"]}`));
        };
        awaited.add(look);
        // Also when that was before anybody waited.
        lines.slice(from).forEach(look);
      });
    },
    async connect(over = {}) {
      const client = await WireClient.connect({ url: socket, token: TOKEN, ...(options.onFrame && { onFrame: options.onFrame }), ...over });
      clients.add(client);
      return client;
    },
    request: (path, init) => fetch(`${url.replace(/\/$/, "")}${path}`, init),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      if (options.home === undefined) await rm(home, { recursive: true, force: true });
    },
  };
}

/** Pincer as it is installed: bundled, with plugins of the bench beside the default set, started as a process of its own. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import defaultPlugins from "../../kernel/default-plugins.json" with { type: "json" };
import { buildPlugin } from "../../plugin-kit/build.ts";
import { buildGateway } from "../../plugin-kit/gateway-bundle.ts";
import { installDependencies } from "../../plugin-kit/install.ts";
import { cpuMs, type Memory, memory, pinned } from "./machine.ts";

const repository = dirname(dirname(import.meta.dir));
const linked = ["kernel", "plugin-host", "store", "plugin-kit", "plugin-sdk", "plugins", "node_modules", "package.json"];
const lookMs = 0.5;
const readyMs = 30_000;

export interface Home {
  readonly path: string;
  readonly token: string;
}

export interface GatewayProcess extends AsyncDisposable {
  readonly pid: number;
  /** `ws://`, and the token for it. */
  readonly url: string;
  readonly token: string;
  /** Milliseconds from the process's start until it answered that it is ready. */
  readonly readyAfterMs: number;
  cpuMs(): number;
  memory(): Memory;
}

interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Another binary than the one that runs this. */
  readonly bun?: string;
  /** From the source, reloading what is saved. */
  readonly dev?: boolean;
  /**
   * In a session of its own and on every core, as a service runs that starts processes of plugins: those have sessions of their own too, and
   * would come behind one that was put before everything else.
   */
  readonly asService?: boolean;
}

export interface Installation extends Disposable {
  /** Where bundles of the default set are. */
  readonly bundle: string;
  /** A new home. `plugins` are enabled in it, on top of the default set. */
  home(options?: { readonly plugins?: readonly string[]; readonly config?: Readonly<Record<string, unknown>> }): Home;
  start(home: Home, options?: StartOptions): Promise<GatewayProcess>;
  /** Fetches what a plugin of this repository needs, where that is not there, before its start is measured. */
  prepare(plugin: string): Promise<void>;
}

/** Inline, as the design's figures are meant. */
export const trusted = { enabled: true, unsandboxed: true } as const;

/** What a person has set for their own gateway, or for a vendor, must not reach the one that is measured. */
const cleanEnv = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PINCER|OPENAI|ANTHROPIC|OPENROUTER|OLLAMA)_/.test(name)));

/** As the launcher sets it for whatever it runs. */
const tuned = Object.fromEntries(
  readFileSync(join(repository, "pincer"), "utf8")
    .matchAll(/(BUN_JSC_\w+)="\$\{\1:-(\d+)\}"/g)
    .map(([, name, value]) => [name!, value!]),
);

export async function install(): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-bench-"));
  for (const name of linked) symlinkSync(join(repository, name), join(folder, name));
  const bundle = join(folder, ".build", "bench");
  const present = readdirSync(join(repository, "plugins")).filter((id) => existsSync(join(repository, "plugins", id, "plugin.json")));
  const isDefault = (id: string) => defaultPlugins.includes(id);
  const plugins = present.filter(isDefault).map((id) => join(repository, "plugins", id));
  const others = present.filter((id) => !isDefault(id)).map((id) => join(repository, "plugins", id));
  for (const path of [...plugins, join(repository, "plugins", "provider-openai")]) await installDependencies(path, () => undefined);
  await buildGateway({ repository, out: bundle, plugins, others });

  const bundles = new Map<string, string>();
  for (const id of ["bench-echo", "bench-provider", "bench-swapped"]) {
    const file = join(folder, `${id}.js`);
    await buildPlugin(join(import.meta.dir, "plugins", id), systemClock, { bundle: file });
    bundles.set(id, readFileSync(file, "utf8"));
  }
  let homes = 0;
  return {
    bundle,
    home({ plugins: wanted = [], config = {} } = {}) {
      const path = join(folder, `home-${++homes}`);
      mkdirSync(path, { recursive: true, mode: 0o700 });
      const enabled = Object.fromEntries(wanted.map((id) => [id, trusted]));
      writeFileSync(join(path, "pincer.json5"), JSON.stringify({ ...config, plugins: { ...(config["plugins"] as object), ...enabled } }));
      for (const id of wanted) if (bundles.has(id)) installVersion(path, id, "1", bundles.get(id)!);
      return { path, token: crypto.randomUUID() };
    },
    start: (home, options) => start(join(bundle, "main.js"), home, options),
    prepare: (plugin) => installDependencies(join(repository, "plugins", plugin), () => undefined),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Puts a version of a plugin of the bench into a home and makes it the current one. */
export function installVersion(home: string, id: string, digest: string, code: string, rename = id): void {
  const folder = join(home, "plugins", rename, digest);
  mkdirSync(folder, { recursive: true });
  const manifest = readFileSync(join(import.meta.dir, "plugins", id, "plugin.json"), "utf8").replaceAll("plugin.ts", "plugin.js");
  writeFileSync(join(folder, "plugin.json"), manifest.replaceAll(id, rename));
  writeFileSync(join(folder, "plugin.js"), code.replaceAll(id, rename));
  writeFileSync(join(home, "plugins", rename, "current"), digest);
}

export const codeOf = (home: string, id: string): string => readFileSync(join(home, "plugins", id, "1", "plugin.js"), "utf8");

async function start(
  main: string,
  home: Home,
  { env = {}, bun = process.execPath, dev = false, asService = false }: StartOptions = {},
): Promise<GatewayProcess> {
  const state = join(home.path, "gateway.json");
  rmSync(state, { force: true });
  const began = performance.now();
  const child = Bun.spawn(
    [
      ...[...pinned(asService ? "both" : "measured"), bun, "--no-env-file", "--config=/dev/null"],
      ...[
        dev ? join(repository, "kernel", "cli", "main.ts") : main,
        "gateway",
        "--managed",
        "--home",
        home.path,
        ...(dev ? ["--dev"] : []),
      ],
    ],
    {
      env: { ...cleanEnv(), ...tuned, PINCER_PORT: "0", PINCER_TOKEN: home.token, ...env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
      detached: asService,
    },
  );
  const url = await untilReady(child, state, began);
  const readyAfterMs = performance.now() - began;
  return {
    pid: child.pid,
    url: url.replace(/^http/, "ws"),
    token: home.token,
    readyAfterMs,
    cpuMs: () => cpuMs(child.pid),
    memory: () => memory(child.pid),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

async function untilReady(child: Bun.Subprocess, state: string, began: number): Promise<string> {
  while (performance.now() - began < readyMs) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode} while it started`);
    if (existsSync(state)) {
      const { url } = JSON.parse(readFileSync(state, "utf8") || "{}") as { url?: string };
      if (url !== undefined && (await fetch(new URL("/readyz", url))).ok) return url;
    }
    await Bun.sleep(lookMs);
  }
  child.kill();
  throw new Error(`the gateway was not ready after ${readyMs} ms`);
}

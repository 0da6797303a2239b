/** One plugin at work in a real gateway, for its own tests: called, written to, replaced, killed and unloaded through the doors that users use. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import defaultPlugins from "../../kernel/default-plugins.json" with { type: "json" };
import type { Gateway } from "../../kernel/gateway.ts";
import type { Clock } from "../clock.ts";
import type { Contract, HandleOf, ImplementationOf, Providers } from "../contract.ts";
import { tool as toolContract } from "../contracts/tool.ts";
import { configPathOf, type Manifest } from "../manifest.ts";
import type { WireScope } from "../method.ts";
import type { HealthReport } from "../plugin.ts";
import { systemClock } from "../system-clock.ts";
import type { WireClient } from "./client.ts";
import { crashing } from "./crash.ts";
import { isOwn, startTestGateway } from "./gateway.ts";
import { inMode, type Mode, unconfinable } from "./modes.ts";
import { childProcesses, watchClock } from "./residue.ts";
import { runTool, type ToolAnswer, type ToolOptions } from "./run-tool.ts";
import { type Answer, type Script, scriptedPlugins, startScript } from "./script.ts";
import { type Reply, talkOver } from "./talk.ts";

export interface StartPluginOptions {
  /** The plugin's own configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What `ctx.secret` finds, by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Further keys of the gateway's configuration, such as `channels` or `models`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Further plugins to enable; the default set is. */
  readonly enable?: readonly string[];
  /** Further folders in which plugins are looked for. */
  readonly folders?: readonly string[];
  /**
   * Absent: the machine's. With a clock that stands still (`createManualClock`) nothing in the gateway waits by itself. A process has the time of
   * the machine, which nobody drives: a clock is refused there.
   */
  readonly clock?: Clock;
  /**
   * Where the plugin's code runs, and so how all reach it; `inline` when absent. In `loopback` only `uses` and `tool` go over the imitated border.
   *
   * In `process` it is bundled, confined and watched as a gateway does with what was installed: whatever the manifest does not name is out of
   * reach. Configuration, secrets, stores, what other plugins provide and the model are the test's as ever. Its time is the machine's; its
   * network leads from a name in `permissions.net` to where that name leads, so that an imitated server is reached by an address from the
   * configuration (`config:/baseUrl`); a secret that the test does not give is refused, not absent; `ctx.home` is its own folder; and what it
   * leaves behind is told by process, not by timer. Nothing runs unconfined: without a sandbox it does not start.
   */
  readonly mode?: Mode;
  /** What the model answers where nothing is scripted, from the first call on (`kit.model.otherwise`). */
  readonly answer?: Answer;
  /** A home to start again in; kept at the end when given. */
  readonly home?: string;
}

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly plugin?: string;
  readonly [field: string]: unknown;
}

export interface PluginKit extends AsyncDisposable {
  readonly id: string;
  readonly home: string;
  /** Of the gateway, without a slash at its end. */
  readonly url: string;
  /** Lets in whoever has it: `authorization: Bearer <token>`. */
  readonly token: string;
  /** Aborts when the gateway stops: what a test hands on where it has no signal of its own. */
  readonly signal: AbortSignal;
  /** The model that answers in `say`: script what it says, and see what it was asked. It repeats what was said when nothing is scripted. */
  readonly model: Script;
  /** The gateway's log, oldest first. */
  readonly log: readonly LogLine[];
  /** Resolves with the first line of that event, from that line of the log on, also when it was written already. */
  logged(event: string, from?: number): Promise<LogLine>;
  /** Calls a method over the wire; rejects with an error that has its `code`. `scopes`: what the caller may do; absent: everything. */
  call<T = Record<string, unknown>>(method: string, params?: unknown, scopes?: readonly WireScope[]): Promise<T>;
  /** An HTTP request to the gateway, as `fetch`, with a path. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** A connection to the gateway, for events and whatever else the wire has. */
  connect(scopes?: readonly WireScope[]): Promise<WireClient>;
  /** Says something to the agent as its owner, and waits for the whole answer. */
  say(text: string, options?: { readonly session?: string }): Promise<Reply>;
  /**
   * A contract as other plugins hold it. Of a contract that many provide: the provider of that name; without a name this plugin's, if it
   * provides one.
   */
  uses<C extends Contract>(contract: C, name?: string): ImplementationOf<C>;
  /** Runs one of the plugin's tools as the agent would. */
  tool(name: string, args: Readonly<Record<string, unknown>>, options?: ToolOptions & { readonly owner?: boolean }): Promise<ToolAnswer>;
  /** What the plugin says of itself; that it is well, when it says nothing. */
  health(): Promise<HealthReport>;
  /**
   * Kills the plugin's process with SIGKILL, as a system does that runs out of memory; resolves once the gateway has seen it. What `during` begins
   * (a call, the next item of a stream) is under way then: the process stands still from before it begins until it is killed. Answers with the
   * error that this came to; rejects when it came to none. The gateway starts the plugin again when it is next used.
   */
  crash(during?: () => Promise<unknown>): Promise<unknown>;
  /** A new generation beside the one that runs, as after an upgrade. */
  reload(): Promise<void>;
  /** Turns the plugin off, and waits until it is gone. */
  unload(): Promise<void>;
  /** Stops the gateway; with a `home` of its own it can be started again there. */
  stop(): Promise<void>;
  /** What is left of the plugin, each in words; nothing once it was unloaded and left nothing behind. */
  residue(): readonly string[];
}

/** `{ a: { b: value } }` for `a.b`. */
const nested = (path: string, value: unknown): Record<string, unknown> =>
  path.split(".").reduceRight((inside: unknown, key) => ({ [key]: inside }), value) as Record<string, unknown>;

/** As an operator does it: what was installed is given its secrets, and is turned on. */
async function admit({ access: { secrets }, host }: Gateway, id: string, given: Readonly<Record<string, string>>): Promise<void> {
  const io = { signal: new AbortController().signal };
  for (const [name, value] of Object.entries(given)) {
    await secrets.contract.set({ name, value, by: "the test" }, io);
    await secrets.contract.grant({ name, plugin: id, granted: true }, io);
  }
  await host.setEnabled(id, true);
}

/**
 * A folder in which a gateway finds the plugin, whatever its own folder is called: as one of its own, or, where it runs in a process and is none of
 * Pincer's, as one that was installed.
 */
function placeOf(root: string, id: string, isInstalled: boolean): string {
  const folder = mkdtempSync(join(tmpdir(), "pincer-plugin-"));
  if (isInstalled) mkdirSync(join(folder, id));
  symlinkSync(root, isInstalled ? join(folder, id, "0") : join(folder, id));
  return folder;
}

/** Starts the plugin of that folder in a gateway of its own with the default set around it. */
export async function startPlugin(folder: string, options: StartPluginOptions = {}): Promise<PluginKit> {
  const { mode = "inline", secrets = {} } = options;
  if (mode === "process") {
    if (options.clock) throw new Error('a process has the time of the machine: leave out "clock", or start the plugin in another mode');
    const reason = await unconfinable();
    if (reason) throw new Error(`a plugin cannot run in a process here: ${reason}`);
  }
  const root = realpathSync(folder);
  const manifest = JSON.parse(readFileSync(join(root, "plugin.json"), "utf8")) as Manifest;
  const { id, generated } = manifest;
  const isInstalled = mode === "process" && !isOwn(root);
  const place = placeOf(root, id, isInstalled);
  const model = startScript();
  if (options.answer) model.otherwise(options.answer);
  const watched = watchClock(options.clock ?? systemClock, root);
  const processes = new Set(childProcesses().keys());
  await using opened = new AsyncDisposableStack();
  opened.defer(() => model.stop());
  opened.defer(() => rmSync(place, { recursive: true, force: true }));

  const gateway = opened.use(
    await startTestGateway({
      plugins: [scriptedPlugins, ...(options.folders ?? []), ...(isInstalled ? [] : [place])],
      installed: isInstalled ? [place] : [],
      only: [...defaultPlugins, "scripted-provider", id, ...(options.enable ?? [])],
      config: [
        { models: { default: "scripted/one" }, scripted: { provider: { url: model.url } } },
        // Whatever its manifest wishes for.
        { plugins: { [id]: { isolation: mode === "process" ? "process" : "inline" } } },
        nested(configPathOf(manifest), options.config ?? {}),
        options.settings ?? {},
      ],
      env: { ...(!isInstalled && secrets) },
      clock: watched.clock,
      ...(options.home !== undefined && { home: options.home }),
    }),
  );
  const { host } = gateway.gateway;
  if (isInstalled) await admit(gateway.gateway, id, secrets);
  const clients = new Map<string, Promise<WireClient>>();
  const clientFor = (scopes?: readonly WireScope[]): Promise<WireClient> => {
    const key = scopes?.join(" ") ?? "all";
    const known = clients.get(key);
    if (known) return known;
    const connecting = gateway.connect({ caps: ["tool-events"], ...(scopes && { scopes }) });
    clients.set(key, connecting);
    return connecting;
  };
  let talking: Promise<ReturnType<typeof talkOver>> | undefined;
  const talk = () => {
    talking ??= (async () => {
      const client = await clientFor();
      await client.call("sessions.subscribe", {});
      return talkOver(client, "agent:main:main");
    })();
    return talking;
  };

  const provided = (contract: string): string => {
    const names = Object.keys(generated?.provides?.[contract] ?? {});
    if (names.length === 1) return names[0]!;
    throw new Error(`${id} provides ${contract} as ${names.join(", ") || "nothing"}: say which one with uses(${contract}, "<name>")`);
  };
  const uses = <C extends Contract>(contract: C, name?: string): ImplementationOf<C> => {
    const handle: unknown = host.handle(contract) satisfies HandleOf<C>;
    const held = contract.arity === "one" ? handle : (handle as Providers<C>).get(name ?? provided(contract.id));
    // What is not in this process is behind a border already.
    return mode === "process" ? (held as ImplementationOf<C>) : inMode[mode](contract, held as ImplementationOf<C>);
  };
  // What is not activated cannot fail: a plugin that cannot start is told of here, and not by the first call.
  await host.activate(id);
  const stopped = new AbortController();
  opened.defer(() => stopped.abort(new Error("the gateway of the test has stopped")));
  const lifetime = opened.move();

  return {
    id,
    signal: stopped.signal,
    home: gateway.home,
    url: gateway.http,
    token: gateway.token,
    model,
    log: gateway.lines as readonly LogLine[],
    logged: gateway.logged as (event: string, from?: number) => Promise<LogLine>,
    uses,
    request: gateway.request,
    connect: (scopes) => gateway.connect({ caps: ["tool-events"], ...(scopes && { scopes }) }),
    call: async (method, params = {}, scopes) => (await clientFor(scopes)).call(method, params),
    async say(text, { session } = {}) {
      return (await talk()).ask(text, session === undefined ? {} : { sessionKey: session });
    },
    tool(name, args, { owner = true, ...how } = {}) {
      const known = host.handle(toolContract).list();
      const found = known.find((one) => one.name === name);
      if (!found) throw new Error(`there is no tool "${name}"; there are: ${known.map((one) => one.name).join(", ")}`);
      const workspace = join(gateway.home, "workspace");
      mkdirSync(workspace, { recursive: true });
      return runTool([name, found.record, uses(toolContract, name)], args, { workspace, owner }, how);
    },
    health: async () => (await host.health())[id] ?? { ok: true },
    crash: crashing(gateway, id),
    reload: async () => void (await host.reload(id)),
    stop: gateway.stop,
    async unload() {
      await host.setEnabled(id, false);
      // Nothing tells that an earlier generation, which finishes its calls, is gone as well.
      while (mode === "process" && host.inspect(id).draining.length > 0) await systemClock.sleep(5);
    },
    residue() {
      const { state, draining } = host.inspect(id);
      const hanging = (gateway.lines as readonly LogLine[]).flatMap(({ event, plugin, waitingFor }) =>
        event === "plugin.hangs" && plugin === id ? (waitingFor as readonly string[]) : [],
      );
      return [
        ...(state === "active" ? ["the plugin itself, which still runs: call unload() first"] : []),
        ...draining.flatMap(({ calls }) => calls.map((what) => `a call that still runs: ${what}`)),
        ...hanging.map((what) => `a cleanup that did not end: ${what}`),
        ...watched.left(),
        ...[...childProcesses()].flatMap(([pid, command]) => (processes.has(pid) ? [] : [`a process that still runs: ${command}`])),
      ];
    },
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

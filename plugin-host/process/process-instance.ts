/** A plugin's process from its start to its end: the socket, the handshake, the heartbeat, and what it said last when it died. */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import { requireValid } from "@pincer/plugin-sdk/check";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, type GatewayError } from "@pincer/plugin-sdk/error";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { adopt } from "@pincer/plugin-sdk/runtime/connection";
import { watchData } from "@pincer/plugin-sdk/runtime/data-quota";
import { within } from "@pincer/plugin-sdk/runtime/deadline";
import { frameSocket } from "@pincer/plugin-sdk/runtime/frames";
import { Peer, type Served } from "@pincer/plugin-sdk/runtime/peer";
import {
  type BridgeSettings,
  connectionFd,
  type Hello,
  type Provisions,
  processProtocol,
  type Start,
  type Started,
} from "@pincer/plugin-sdk/runtime/process-protocol";
import { compareGenerated, Registrations } from "@pincer/plugin-sdk/runtime/registrations";
import { Type } from "@sinclair/typebox";
import { LastWords, type PluginInstance, type ProcessFacts } from "../instance.ts";
import type { PluginLimits } from "../limits.ts";
import type { Egress } from "../sandbox/egress.ts";
import { endAll, treeOf, watchUse } from "../sandbox/use.ts";
import { createChildJobs } from "./child-jobs.ts";
import { hostServed, type ProcessSurroundings } from "./host-served.ts";
import { proxies } from "./proxies.ts";
import type { Resolved } from "./resolved-permissions.ts";
import { watchSpinning } from "./spinning.ts";

/** What is started, once its permissions have been made into a command. */
export interface Launch {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Puts the plugin's bundle where the process sees it, and answers with its path there. Throws `PLUGIN_QUOTA`. */
  place(bundle: string): Promise<string>;
  /** Its way out, and what it must know of that; absent for one without a network, and for one that nothing confines. */
  readonly egress?: Egress;
  readonly bridge?: BridgeSettings;
  readonly enforced: boolean;
  /** What is watched from outside, since the kernel does not bound it for all its processes together. */
  readonly limits?: Resolved["limits"];
  /** Its folder for data, where that is bounded. */
  readonly keeps?: { readonly folder: string; readonly mostMb: number };
}

interface ProcessOptions {
  readonly manifest: Manifest;
  readonly name: string;
  readonly clock: Clock;
  readonly limits: () => PluginLimits;
  readonly log: Logger;
  readonly around: ProcessSurroundings;
  /** Made while the process starts, which needs it only then. */
  readonly bundle: Promise<string>;
  /** Makes the command; what that needs goes into the folder. */
  launch(run: string): Promise<Launch>;
  /** Everything but what the manifest says. */
  facts(): Omit<Start, "id" | "version" | "code" | "permissions" | "limits" | "bridge">;
}

const Member = Type.Object({
  kind: Type.Union([Type.Literal("call"), Type.Literal("stream")]),
  safe: Type.Optional(Type.Boolean()),
  held: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  speaksAs: Type.Optional(Type.Object({ contract: Type.String(), at: Type.Array(Type.String()) })),
});
const StartedShape = Type.Object({
  generated: Type.Record(Type.String(), Type.Unknown()),
  members: Type.Record(Type.String(), Type.Record(Type.String(), Member)),
  services: Type.Integer({ minimum: 0 }),
});
const { signal: never } = new AbortController();
/** What a process wrote last is kept for the log alone: it may hold secrets, and is of no use to whoever called. */
const lastChars = 4_096;
/** How long the rest of it is waited for. */
const pipeMs = 200;

export class ProcessInstance implements PluginInstance {
  registered = new Registrations();
  readonly services: PluginInstance["services"] & { size: number };
  readonly process: ProcessFacts & { pid: number; enforced: boolean };
  readonly #options: ProcessOptions;
  readonly #peer: Peer;
  readonly #jobs = createChildJobs(() => this.#peer);
  readonly #resources = new AsyncDisposableStack();
  readonly #hello = Promise.withResolvers<Hello>();
  #child: Bun.Subprocess | undefined;
  #launched: Launch | undefined;
  #isEndedHere = false;
  #output = "";
  #heard: Promise<unknown> | undefined;
  #told: Provisions = {};
  #isEnding = false;
  #ended: GatewayError | undefined;

  constructor(options: ProcessOptions) {
    const { manifest, clock, limits, around } = options;
    this.#options = options;
    this.#hello.promise.catch(() => {}); // silent-ok: start waits for it, unless it has failed before
    const served = hostServed(
      manifest.id,
      manifest.generated ?? {},
      around,
      () => this.registered,
      this.#jobs,
      (hello) => this.#hello.resolve(hello),
      () => this.#peer.room(),
    );
    const serving = (target: string): Served => (target.startsWith("egress") && this.#launched?.egress) || served;
    const asked: Served = {
      call: (target, params, io) => serving(target).call(target, params, io),
      stream: (target, params, io) => serving(target).stream(target, params, io),
    };
    this.#peer = new Peer({
      ...{ clock, served: asked, abortMs: limits().unloadMs, tellsFaults: false },
      onEnding: (error) => {
        if (!this.#isEnding) this.process.onDeath?.(error, this.#details(error));
      },
    });
    this.process = { pid: 0, enforced: false, onDeath: undefined, isEnd: this.#peer.isEnd };
    this.services = { size: 0, start: () => this.#tell("services.start", {}), stop: (reason) => this.#stopServices(reason) };
  }

  /** Rejects with what the plugin's setup threw, `PLUGIN_LOAD_FAILED`, `PLUGIN_UNDECLARED`, `PLUGIN_MISSING`; then nothing is left. */
  async start(): Promise<void> {
    const { manifest, limits, bundle } = this.#options;
    const { id, version, permissions = {} } = manifest;
    await this.#launch();
    const { protocol, sdk } = await this.#hello.promise;
    if (protocol !== processProtocol) {
      const spoken = `it speaks version ${protocol} of the process protocol (SDK ${sdk}), expected ${processProtocol}`;
      throw pluginErrors.PLUGIN_LOAD_FAILED(`${id} did not start: ${spoken}`, { data: { plugin: id } });
    }
    const { retryFirstMs, retryLongestMs, unloadMs } = limits();
    const { bridge, place } = this.#launched!;
    const code = await place(await bundle);
    const facts = { ...this.#options.facts(), ...(bridge && { bridge }) };
    const start: Start = { id, version, code, permissions, limits: { retryFirstMs, retryLongestMs, unloadMs }, ...facts };
    this.#told = start.provisions;
    const started = (await this.#peer.call("start", start, { signal: never })) as Started;
    requireValid(StartedShape, started, (how) => pluginErrors.PLUGIN_PROTOCOL(`${id} answered to start wrongly ${how}`));
    compareGenerated(id, manifest.generated ?? {}, started.generated);
    this.registered = proxies(manifest.generated ?? {}, started, this.#peer, this.#jobs);
    this.services.size = started.services;
    this.assertLive(); // nobody would be told of an end before this
    this.#beat();
  }

  tellConfig(): void {
    this.#tell("config", { config: this.#options.facts().config });
  }

  /** Tells it who provides what it uses, when that is not what it was told last. */
  tellProvisions(): void {
    const { provisions } = this.#options.facts();
    if (Bun.deepEquals(provisions, this.#told)) return;
    this.#told = provisions;
    this.#tell("provisions", { provisions });
  }

  unloaded = (): GatewayError => pluginErrors.PLUGIN_UNLOADED(`${this.#options.name} has been unloaded`);

  assertLive(): void {
    if (this.#ended) throw this.#ended;
  }

  async unload(): Promise<readonly string[]> {
    if (this.#isEnding) return [];
    this.#isEnding = true;
    const { clock, limits } = this.#options;
    const { unloadMs } = limits();
    const left = await within(clock, unloadMs * 2, this.#peer.call("unload", {}, { signal: never })).catch((error) => [
      errorMessage(error),
    ]);
    await this.#end(this.unloaded());
    return Array.isArray(left) ? left.map(String) : [];
  }

  async #stopServices(reason: GatewayError): Promise<readonly string[]> {
    if (this.services.size === 0 || this.#ended) return [];
    const left = await this.#peer.call("services.stop", { why: reason.message }, { signal: never }).catch((error) => [errorMessage(error)]);
    return Array.isArray(left) ? left.map(String) : [];
  }

  /** What nobody waits for; a process that dies of it says so by dying. */
  #tell(target: string, params: unknown): void {
    const { around } = this.#options;
    this.#peer.tell(target, params).catch((error) => {
      if (!this.#ended) around.fault(target, errorMessage(error));
    });
  }

  async #launch(): Promise<void> {
    const { launch, limits, manifest, clock } = this.#options;
    const run = mkdtempSync(join(tmpdir(), "pincer-"));
    this.#resources.defer(() => rm(run, { recursive: true, force: true }));
    const launched = await launch(run);
    this.#launched = launched;
    const { command, env, enforced, limits: most, keeps, egress } = launched;
    if (egress) this.#resources.use(egress);
    const child = Bun.spawn([...command], { cwd: run, env: { ...env }, stdio: ["ignore", "pipe", "pipe", "pipe"] });
    this.#child = child;
    this.process.pid = child.pid;
    this.process.enforced = enforced;
    this.#resources.defer(async () => void (await child.exited));
    this.#resources.defer(() => (enforced ? endAll(child.pid) : child.kill(9)));
    const heard = [child.stdout, child.stderr].map((stream) => this.#listen(stream));
    this.#heard = Promise.all([child.exited, ...heard]);
    this.#heard.catch(() => {}); // silent-ok: what was heard by then is told
    void child.exited.then(() => this.#end(pluginErrors.PLUGIN_GONE(`the process of ${manifest.id} ended`)));
    if (most) {
      const exceeded = (why: string) => {
        this.#isEndedHere = true;
        void this.#end(pluginErrors.PLUGIN_GONE(`the process of ${manifest.id} was ended: ${why}`));
      };
      const looks = { clock, everyMs: limits().watchMs, exceeded };
      this.#resources.use(watchUse({ pid: child.pid, limits: most, ...looks }));
      if (keeps) this.#resources.use(watchData(keeps.folder, keeps.mostMb, { ...looks, tree: () => treeOf(child.pid) }));
    }
    // Made before it runs, and its only one: it can make none itself.
    const connection = frameSocket(this.#peer, { onEnd: (error) => void this.#end(error) });
    await adopt({ fd: child.stdio[connectionFd] as number, socket: connection });
    const silent = () =>
      pluginErrors.PLUGIN_TIMEOUT(`the process of ${manifest.id} did not answer in ${limits().setupMs} ms`, this.#said());
    using _late = clock.after(limits().setupMs, () => this.#hello.reject(silent()));
    await this.#hello.promise;
  }

  async #listen(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.#output = (this.#output + decoder.decode(chunk, { stream: true })).slice(-lastChars);
  }
  #said = () => (this.#output.trim() === "" ? {} : { cause: new LastWords(this.#output.trim()) });

  /** A process that answers no ping blocks its own event loop, or is stopped: it is ended, and that is its death. */
  #beat(): void {
    const { clock, limits, manifest, name } = this.#options;
    const spinning = watchSpinning(this.process.pid, this.#options);
    let asked: Disposable | undefined;
    const next = () => {
      asked = clock.after(limits().heartbeatMs, async () => {
        const stalled = `${name} answered nothing for ${limits().stallMs} ms, and was ended`;
        const end = () => void this.#end(pluginErrors.PLUGIN_STALLED(stalled, { data: { plugin: manifest.id } }));
        const late = clock.after(limits().stallMs, end);
        try {
          await this.#peer.ping();
          const spins = spinning();
          if (spins) return void this.#end(spins);
          if (!this.#ended) next();
        } catch {
          // silent-ok: the connection has ended, which is told elsewhere
        } finally {
          late[Symbol.dispose]();
        }
      });
    };
    this.#resources.defer(() => asked?.[Symbol.dispose]());
    next();
  }

  /** How it ended, once that is known. */
  async #details(reason: GatewayError): Promise<GatewayError> {
    const child = this.#child;
    // A process that it left behind may keep the pipes open.
    if (this.#heard) await within(this.#options.clock, pipeMs, this.#heard).catch(() => undefined); // silent-ok: what was heard by then is told
    // What ended it here has said why.
    if (!child || this.#isEndedHere || reason.code !== "PLUGIN_GONE") return reason;
    const how = child.signalCode ?? (child.exitCode === null ? "no code yet" : `code ${child.exitCode}`);
    return pluginErrors.PLUGIN_GONE(`the process of ${this.#options.manifest.id} ended with ${how}`, this.#said());
  }

  async #end(reason: GatewayError): Promise<void> {
    if (this.#ended) return;
    this.#ended = reason;
    void this.#details(reason).then(this.#hello.reject);
    this.#peer.end(reason);
    // Who ends closes the connection first; to end it now would hide how it did.
    if (this.#child && reason.code === "PLUGIN_GONE" && !this.#isEndedHere)
      await within(this.#options.clock, pipeMs, this.#child.exited).catch(() => undefined); // silent-ok: it is ended below
    await this.#resources.disposeAsync();
  }
}

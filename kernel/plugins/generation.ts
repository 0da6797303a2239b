/** One run of a plugin's code: what it registered, the calls inside it, and everything that is undone when it goes. */
import type { Logger, PluginDefinition } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { within } from "./deadline.ts";
import { faultOf, pluginErrors } from "./errors.ts";
import { Hold } from "./lease.ts";
import type { PluginLimits } from "./limits.ts";
import type { Manifest } from "./manifest.ts";
import { Registrations } from "./registrations.ts";
import { Services } from "./services.ts";

export interface Code {
  readonly manifest: Manifest;
  /** Absolute. */
  readonly folder: string;
  readonly definition: PluginDefinition;
}

export class Generation {
  readonly registered = new Registrations();
  readonly holds = new Set<Hold>();
  readonly services: Services;
  /** Keys of the jobs that it runs. */
  readonly jobs = new Set<string>();
  readonly configListeners: (() => unknown)[] = [];
  readonly #inside = new Map<string, number>();
  readonly #cleanups = new AsyncDisposableStack();
  readonly #unloading = new AbortController();
  readonly #hung: string[] = [];
  #count = 0;
  #empty = Promise.withResolvers<void>();
  faults = 0;
  /** Set once `setup` has ended: what is registered then is what the manifest says. */
  isSealed = false;
  isUnloaded = false;
  /** Called whenever the last call has left. */
  onEmpty: (() => void) | undefined;
  onFault: (() => void) | undefined;
  onHold: ((hold: Hold, outcome: "held" | "ended") => void) | undefined;

  constructor(
    readonly plugin: string,
    readonly number: number,
    readonly code: Code,
    readonly clock: Clock,
    private readonly limits: () => PluginLimits,
    private readonly log: Logger,
  ) {
    this.services = new Services(clock, limits, (name, error) => void this.blame(error, `service ${name}`));
  }

  /** Aborts when unloading begins, before any cleanup. */
  get signal(): AbortSignal {
    return this.#unloading.signal;
  }
  get count(): number {
    return this.#count;
  }
  get calls(): readonly string[] {
    return [...this.#inside.keys()];
  }

  /** Counts a call until the returned function is called, once. */
  enter(what: string): () => void {
    this.#count++;
    this.#inside.set(what, (this.#inside.get(what) ?? 0) + 1);
    return () => {
      const left = this.#inside.get(what)! - 1;
      if (left > 0) this.#inside.set(what, left);
      else this.#inside.delete(what);
      if (--this.#count > 0) return;
      this.#empty.resolve();
      this.#empty = Promise.withResolvers();
      this.onEmpty?.();
    };
  }

  /** What leaves the plugin as an error: its own codes unchanged, the caller's abort as it is, anything else a fault of this generation. */
  blame(error: unknown, what: string, signal?: AbortSignal): unknown {
    if (isGatewayError(error) || signal?.aborted) return error;
    this.log.error("plugin.fault", { plugin: this.plugin, generation: this.number, what, error: (error as Error)?.stack ?? String(error) });
    this.faults++;
    this.onFault?.();
    return faultOf(error, this.plugin, what);
  }

  /** Tells those who asked that the configuration has changed. */
  tellConfig(): void {
    for (const listener of this.configListeners) Promise.try(listener).catch((error) => this.blame(error, "onConfig"));
  }

  /** Waits for the calls inside, at most so long; answers with those that have not ended. */
  async drain(ms: number): Promise<readonly string[]> {
    if (this.#count > 0) await within(this.clock, ms, this.#empty.promise).catch(() => undefined); // silent-ok: the answer says what still runs
    return this.calls;
  }

  /** Of a connection that only one generation may hold; it is no part of a drain. */
  hold(stop: () => void): Hold {
    const hold = new Hold(stop, (changed, outcome) => {
      if (outcome === "ended") this.holds.delete(changed);
      this.onHold?.(changed, outcome);
    });
    this.holds.add(hold);
    return hold;
  }

  /** Undone at unload, last first. */
  defer(name: string, cleanup: () => unknown): void {
    this.#cleanups.defer(async () => {
      try {
        await within(this.clock, this.limits().unloadMs, Promise.try(cleanup));
      } catch (error) {
        this.#hung.push(isGatewayError(error) ? name : `${name}: ${error}`);
      }
    });
  }

  /** Undoes everything, once; answers with what failed or did not end in its time. */
  async unload(): Promise<readonly string[]> {
    this.#unloading.abort(this.unloaded());
    await this.#cleanups.disposeAsync();
    this.isUnloaded = true;
    return this.#hung;
  }

  unloaded = () => pluginErrors.PLUGIN_UNLOADED(`generation ${this.number} of ${this.plugin} has been unloaded`);
}

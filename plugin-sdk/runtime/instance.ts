/** A plugin's code at work, in whichever process: what its setup registered, its background work, and all that is undone when it goes. */
import type { Clock } from "../clock.ts";
import { isGatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { within } from "./deadline.ts";
import { Registrations } from "./registrations.ts";
import { type Pauses, Services } from "./services.ts";

interface InstanceOptions {
  /** As errors call it: "generation 3 of delivery". */
  readonly name: string;
  readonly clock: Clock;
  /** `unloadMs` is how long each cleanup is waited for. */
  limits(): Pauses & { readonly unloadMs: number };
  /** Told of what the plugin's own work threw when nobody awaited it. */
  fault(error: unknown, what: string): void;
}

export class Instance {
  readonly registered = new Registrations();
  readonly services: Services;
  readonly #configListeners: (() => unknown)[] = [];
  readonly #cleanups = new AsyncDisposableStack();
  readonly #unloading = new AbortController();
  readonly #hung: string[] = [];
  /** Set once `setup` has ended: what is registered then is what the manifest says. */
  isSealed = false;
  #isUnloaded = false;

  constructor(readonly options: InstanceOptions) {
    this.services = new Services(options.clock, options.limits, (name, error) => options.fault(error, `service ${name}`));
  }

  /** Aborts when unloading begins, before any cleanup. */
  get signal(): AbortSignal {
    return this.#unloading.signal;
  }

  unloaded = () => pluginErrors.PLUGIN_UNLOADED(`${this.options.name} has been unloaded`);

  /** Throws `PLUGIN_UNLOADED` once everything is undone. */
  assertLive(): void {
    if (this.#isUnloaded) throw this.unloaded();
  }

  onConfig(listener: () => unknown): void {
    this.#configListeners.push(listener);
  }

  /** Tells those who asked that the configuration has changed. */
  tellConfig(): void {
    for (const listener of this.#configListeners) Promise.try(listener).catch((error) => this.options.fault(error, "onConfig"));
  }

  /** Undone at unload, last first. */
  defer(name: string, cleanup: () => unknown): void {
    this.#cleanups.defer(async () => {
      try {
        await within(this.options.clock, this.options.limits().unloadMs, Promise.try(cleanup));
      } catch (error) {
        this.#hung.push(isGatewayError(error) ? name : `${name}: ${error}`);
      }
    });
  }

  /** Undoes everything, once; answers with what failed or did not end in its time. */
  async unload(): Promise<readonly string[]> {
    this.#unloading.abort(this.unloaded());
    await this.#cleanups.disposeAsync();
    this.#isUnloaded = true;
    return this.#hung;
  }
}

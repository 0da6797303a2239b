/** One plugin through its life: activated on demand, replaced by newer generations, rolled back, unloaded. One change at a time. */
import type { PluginInfo } from "@pincer/plugin-sdk/contracts/plugin-host";
import { errorMessage, type GatewayError } from "@pincer/plugin-sdk/error";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import type { Reach } from "./deps.ts";
import type { Found } from "./discovery.ts";
import type { Code, Entered, Generation } from "./generation.ts";
import { handOver, releaseAll } from "./lease.ts";

export interface PluginSurroundings extends Pick<Reach, "clock" | "limits" | "log"> {
  /** Loads, sets up and checks a generation; what failed is undone. `code` of an earlier one runs that again. */
  prepare(found: Found, number: number, code?: Code): Promise<Generation>;
  /** Called in the step in which another generation became the current one. */
  changed(): void;
  restartJob(key: string, reason: unknown): Promise<void>;
}

export class Plugin {
  current: Generation | undefined;
  /** Set by the host; nothing is activated while it is false. */
  isEnabled = false;
  /** Why it does not work, or was rolled back. */
  error: GatewayError | undefined;
  number = 0;
  readonly draining = new Set<Generation>();
  #previous: { readonly found: Found; readonly code: Code } | undefined;
  #retry = { attempts: 0, notBefore: 0 };
  #activating: Promise<Generation> | undefined;
  #changing: Promise<unknown> = Promise.resolve();
  /** Until it is unloaded for want of calls, or tried again. */
  #waiting: Disposable | undefined;

  constructor(
    public found: Found,
    private readonly around: PluginSurroundings,
  ) {}

  get id(): string {
    return this.found.id;
  }

  /** Counts a call on the present generation; activates first, when needed. */
  enter(what: string): Entered | Promise<Entered> {
    return this.current ? { generation: this.current, leave: this.current.enter(what) } : this.activate().then(() => this.enter(what));
  }

  /** All who need it wait for one activation. A failure is remembered for a while, so that a broken plugin does not spin. */
  activate(): Promise<Generation> {
    this.#activating ??= this.#change(() => this.current ?? this.#first()).finally(() => {
      this.#activating = undefined;
    });
    return this.#activating;
  }

  async #first(): Promise<Generation> {
    const { clock, limits } = this.around;
    if (this.found.error) throw this.found.error;
    if (!this.isEnabled) throw pluginErrors.PLUGIN_DISABLED(`${this.id} is not enabled: set plugins.${this.id}.enabled to true`);
    if (this.error && clock.monotonic() < this.#retry.notBefore) throw this.error;
    try {
      const next = await this.around.prepare(this.found, ++this.number);
      this.#install(next, this.found);
      next.instance.services.start();
      return next;
    } catch (error) {
      const pause = Math.min(limits().retryLongestMs, limits().retryFirstMs * 2 ** this.#retry.attempts++);
      this.#retry.notBefore = clock.monotonic() + pause;
      this.error = error as GatewayError;
      this.around.log.warn("plugin.failed", { plugin: this.id, error: errorMessage(error), retryAfterMs: pause });
      if (this.found.manifest?.activate === "start") this.#wait(pause, () => void this.activate().catch(() => undefined)); // silent-ok: it has reported again
      throw error;
    }
  }

  /** What made it fail may have changed: the next use tries again. */
  forgive(): void {
    this.#retry.notBefore = 0;
  }

  /** N+1 beside N. Whatever fails before N+1 works leaves N, or brings it back. */
  replace(found: Found, code?: Code): Promise<{ readonly generation: number; readonly visibleMs: number }> {
    return this.#change(async () => {
      const { clock, limits } = this.around;
      const begun = clock.monotonic();
      const { found: before, current: from } = this;
      const to = await this.around.prepare(found, ++this.number, code);
      const illness = from && (await this.#illness(from, to));
      if (illness) {
        await to.instance.unload();
        throw illness;
      }
      this.#install(to, found);
      this.around.changed();
      const visibleMs = clock.monotonic() - begun;
      if (from) {
        const stopped = this.#stopServices(from);
        const refused = await handOver(from, to, limits().handOverMs).then(
          () => undefined,
          (reason) => ({ reason }),
        );
        await stopped;
        if (refused) {
          this.#install(from, before);
          this.around.changed();
          await releaseAll(to);
          from.instance.services.start();
          void this.#retire(to);
          throw refused.reason;
        }
        this.#previous = { found: before, code: from.code };
        this.#watchFaults(to, clock.monotonic());
        void this.#retire(from);
      }
      to.instance.services.start();
      return { generation: to.number, visibleMs };
    });
  }

  /** Ends it; the next call activates it again, if it is still enabled. */
  async unload(): Promise<void> {
    const generation = await this.#change(async () => {
      this.#waiting?.[Symbol.dispose]();
      const last = this.current;
      if (!last) return undefined;
      this.current = undefined;
      await Promise.all([this.#stopServices(last), releaseAll(last)]);
      return last;
    });
    if (generation) await this.#retire(generation);
  }

  info(): PluginInfo {
    const { id, folder, root, manifest } = this.found;
    const error = this.found.error ?? this.error;
    return {
      id,
      folder,
      origin: root.layout === "installed" ? "installed" : "embedded",
      manifest,
      state: this.found.error ? "failed" : !this.isEnabled ? "disabled" : this.current ? "active" : error ? "failed" : "idle",
      generation: this.number,
      draining: [...this.draining].map(({ number, calls }) => ({ generation: number, calls: [...calls] })),
      isolation: "inline",
      enforced: false,
      error: error && { code: error.code, message: error.message },
    };
  }

  async #stopServices(generation: Generation): Promise<void> {
    const waitingFor = await generation.instance.services.stop(this.#replaced(generation));
    if (waitingFor.length > 0) this.around.log.warn("plugin.hangs", { plugin: this.id, generation: generation.number, waitingFor });
  }

  #wait(ms: number, run: () => void): void {
    this.#waiting?.[Symbol.dispose]();
    this.#waiting = this.around.clock.after(ms, run);
  }

  #replaced = (from: Generation) => pluginErrors.PLUGIN_REPLACED(`generation ${from.number} of ${this.id} was replaced`);

  #change<T>(run: () => T | Promise<T>): Promise<T> {
    const change = this.#changing.then(run);
    this.#changing = change.catch(() => undefined); // silent-ok: the caller of this change is told; the next one goes on
    return change;
  }

  #install(generation: Generation, found: Found): void {
    this.found = found;
    this.current = generation;
    this.error = undefined;
    this.#retry = { attempts: 0, notBefore: 0 };
    this.#waiting?.[Symbol.dispose]();
    const { idleSeconds, activate } = generation.code.manifest;
    if (idleSeconds === undefined || activate === "start") return;
    const isIdle = () => this.current === generation && generation.isIdle;
    generation.onEmpty = () => {
      if (isIdle()) this.#wait(idleSeconds * 1000, () => isIdle() && void this.unload());
    };
    generation.onEmpty();
  }

  /** Why N+1 is not to replace N: it is not well, and N is. */
  async #illness(from: Generation, to: Generation): Promise<GatewayError | undefined> {
    const { ok, detail = "not healthy" } = await to.health();
    if (ok || !(await from.health()).ok) return undefined;
    return pluginErrors.PLUGIN_UNHEALTHY(`generation ${to.number} of ${this.id} reports: ${detail}`);
  }

  /** Too many faults soon after the swap bring the previous code back, as a generation of its own. */
  #watchFaults(to: Generation, since: number): void {
    const { clock, limits, log } = this.around;
    to.onFault = () => {
      const previous = this.#previous;
      if (to.faults <= limits().faults || clock.monotonic() - since > limits().probationMs || this.current !== to || !previous) return;
      to.onFault = undefined;
      const error = pluginErrors.PLUGIN_FAULT(`generation ${to.number} of ${this.id} failed ${to.faults} times and was rolled back`);
      log.warn("plugin.rolled-back", { plugin: this.id, generation: to.number, faults: to.faults });
      void this.replace(previous.found, previous.code).then(
        () => {
          this.error = error;
        },
        (reason) => log.warn("plugin.rollback-failed", { plugin: this.id, error: errorMessage(reason) }),
      );
    };
  }

  async #retire(generation: Generation): Promise<void> {
    const { limits, log, restartJob } = this.around;
    this.draining.add(generation);
    const waitingFor = await generation.drain(limits().drainMs);
    if (waitingFor.length > 0) {
      log.warn("plugin.drain-late", { plugin: this.id, generation: generation.number, waitingFor });
      await Promise.all([...generation.jobs].map((key) => restartJob(key, this.#replaced(generation))));
    }
    const hung = await generation.instance.unload();
    if (hung.length > 0) log.warn("plugin.hangs", { plugin: this.id, generation: generation.number, waitingFor: hung });
    this.draining.delete(generation);
  }
}

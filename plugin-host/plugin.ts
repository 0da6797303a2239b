/** One plugin through its life: activated on demand, replaced by newer generations, unloaded. One change at a time. */
import type { PluginInfo } from "@pincer/plugin-sdk/contracts/plugin-host";
import { errorMessage, type GatewayError } from "@pincer/plugin-sdk/error";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { pauseAfter } from "@pincer/plugin-sdk/runtime/services";
import { Activity } from "./activity.ts";
import type { Reach } from "./deps.ts";
import type { Found } from "./discovery.ts";
import type { Code, Entered, Generation } from "./generation.ts";
import { handOver, releaseAll } from "./lease.ts";
import { totalUseOf } from "./sandbox/watch.ts";
import { requireWell, whenFailing, whenIdle } from "./watch.ts";

export interface PluginSurroundings extends Pick<Reach, "clock" | "limits" | "log"> {
  /** Loads, sets up and checks a generation; what failed is undone. `code` of an earlier one runs that again. */
  prepare(found: Found, number: number, activity: Activity, code?: Code): Promise<Generation>;
  /** Called in the step in which another generation became the current one. */
  changed(): void;
  restartJob(key: string, reason: unknown): Promise<void>;
  /** Where it would run, if it were activated now. */
  isolation(found: Found): PluginInfo["isolation"];
}

export class Plugin {
  current: Generation | undefined;
  /** Set by the host; nothing is activated while it is false. */
  isEnabled = false;
  /** Why it does not work, or was rolled back. */
  error: GatewayError | undefined;
  number = 0;
  readonly activity = new Activity();
  readonly #draining = new Set<Generation>();
  #failures = 0;
  #notBefore = 0;
  #activating: Promise<Generation> | undefined;
  #changing: Promise<unknown> = Promise.resolve();
  /** When its process ended by itself, lately. */
  #crashes: readonly number[] = [];
  /** The version that was replaced last, and did not crash. */
  #sound: { readonly found: Found; readonly code: Code } | undefined;
  /** For want of calls, so that it is unloaded; or for the next attempt. */
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

  /** What made it fail may have changed: the next use tries again. */
  forgive(): void {
    this.#notBefore = 0;
    this.#crashes = [];
  }

  /** N+1 beside N. Whatever fails before N+1 works leaves N, or brings it back. `code` of an earlier generation runs that again. */
  replace(found: Found, code?: Code): Promise<{ readonly generation: number; readonly visibleMs: number }> {
    return this.#change(async () => {
      const { clock, limits, changed } = this.around;
      const begun = clock.monotonic();
      const { found: before, current: from } = this;
      const to = await this.around.prepare(found, ++this.number, this.activity, code);
      if (from) await requireWell(to, from);
      this.#install(to, found);
      changed();
      const visibleMs = clock.monotonic() - begun;
      if (from) {
        const [, handed] = await Promise.allSettled([this.#stopServices(from), handOver(from, to, limits().handOverMs)]);
        if (handed.status === "rejected") {
          this.#install(from, before);
          changed();
          await releaseAll(to);
          from.instance.services.start();
          void this.#retire(to);
          throw handed.reason;
        }
        this.#rollBackTo(before, from.code, to);
        if (this.#crashes.length === 0) this.#sound = { found: before, code: from.code };
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
      this.current = undefined;
      if (last) await Promise.all([this.#stopServices(last), releaseAll(last)]);
      return last;
    });
    if (generation) await this.#retire(generation);
  }

  info(): PluginInfo {
    const { id, folder, root, manifest } = this.found;
    const error = this.found.error ?? this.error;
    const process = this.current?.instance.process;
    return {
      id,
      folder,
      origin: root.layout === "installed" ? "installed" : "embedded",
      manifest,
      state: this.found.error ? "failed" : !this.isEnabled ? "disabled" : this.current ? "active" : error ? "failed" : "idle",
      generation: this.number,
      draining: [...this.#draining].map(({ number, calls }) => ({ generation: number, calls: [...calls] })),
      isolation: this.current ? (process ? "process" : "inline") : this.around.isolation(this.found),
      enforced: process?.enforced ?? false,
      activity: { calls: this.activity.calls, errors: this.activity.errors, latency: this.activity.latency() },
      ...(process && { pid: process.pid, use: totalUseOf(process.pid) }),
      error: error && { code: error.code, message: error.message },
    };
  }

  #change<T>(run: () => T | Promise<T>): Promise<T> {
    const change = this.#changing.then(run);
    this.#changing = change.catch(() => undefined); // silent-ok: the caller of this change is told; the next one goes on
    return change;
  }

  async #first(): Promise<Generation> {
    const { clock } = this.around;
    if (this.found.error) throw this.found.error;
    if (!this.isEnabled) throw pluginErrors.PLUGIN_DISABLED(`${this.id} is not enabled: set plugins.${this.id}.enabled to true`);
    if (this.error && clock.monotonic() < this.#notBefore) throw this.error;
    try {
      const next = await this.around.prepare(this.found, ++this.number, this.activity);
      this.#install(next, this.found);
      next.instance.services.start();
      return next;
    } catch (error) {
      this.#retryLater(error as GatewayError);
      throw error;
    }
  }

  #retryLater(error: GatewayError): void {
    const { clock, limits, log } = this.around;
    const pause = pauseAfter(this.#failures++, limits());
    this.#notBefore = clock.monotonic() + pause;
    this.error = error;
    log.warn("plugin.failed", { plugin: this.id, error: errorMessage(error), retryAfterMs: pause });
    if (this.found.manifest?.activate !== "start") return;
    this.#wait(clock.after(pause, () => void this.activate().catch(() => undefined))); // silent-ok: it has reported again
  }

  #wait(waiting: Disposable | undefined): void {
    this.#waiting?.[Symbol.dispose]();
    this.#waiting = waiting;
  }

  #install(generation: Generation, found: Found): void {
    this.found = found;
    this.current = generation;
    this.error = undefined;
    this.#failures = this.#notBefore = 0;
    const { process } = generation.instance;
    if (process) process.onDeath = (reason, details) => this.#lost(generation, found, reason, details);
    const { idleSeconds, activate } = generation.code.manifest;
    const idleMs = idleSeconds === undefined ? process && this.around.limits().processIdleMs : idleSeconds * 1000;
    const mayIdle = idleMs !== undefined && activate !== "start";
    this.#wait(mayIdle ? whenIdle(generation, idleMs, () => void this.unload()) : undefined);
  }

  /**
   * Its process has ended by itself. The first time it starts again at the next call, or at once when it is to be active; then after a pause
   * that grows. With too many ends the version that worked before comes back; without one it waits for the operator.
   */
  #lost(generation: Generation, found: Found, reason: GatewayError, details: Promise<GatewayError>): void {
    const { clock, limits, log, restartJob } = this.around;
    void details.then((said) => {
      log.error("plugin.crashed", { plugin: this.id, generation: generation.number, error: said.message });
      if (this.error === reason) this.error = said;
    });
    // Before its calls are told: what this aborts is journalled neither as done nor as failed.
    for (const key of generation.jobs) void restartJob(key, reason);
    if (this.current !== generation) return;
    const { crashes, crashWindowMs } = limits();
    const now = clock.monotonic();
    this.#crashes = [...this.#crashes.filter((at) => now - at < crashWindowMs), now];
    this.current = undefined;
    this.#wait(undefined);
    const isOver = this.#crashes.length > crashes;
    if (isOver && this.#sound && this.#sound.found !== found) {
      const { found: before, code } = this.#sound;
      log.warn("plugin.rolled-back", { plugin: this.id, generation: generation.number, crashes: this.#crashes.length });
      this.#crashes = [];
      this.replace(before, code).catch((error) => this.#retryLater(error as GatewayError));
    } else if (isOver) {
      const what = `${this.id} ended ${this.#crashes.length} times in ${crashWindowMs} ms, and is not started again by itself`;
      this.error = pluginErrors.PLUGIN_CRASHED(`${what}: "pincer plugins reload ${this.id}" does; the last time ${reason.message}`, {
        cause: reason,
      });
      this.#notBefore = Number.POSITIVE_INFINITY;
    } else if (this.#crashes.length > 1) this.#retryLater(reason);
    else if (found.manifest?.activate === "start") void this.activate().catch(() => undefined); // silent-ok: it has reported
  }

  /** Too many faults soon after the swap bring the previous code back, as a generation of its own. */
  #rollBackTo(found: Found, code: Code, failing: Generation): void {
    const { log } = this.around;
    const { number } = failing;
    whenFailing(failing, (faults) => {
      if (this.current?.number !== number) return;
      const error = pluginErrors.PLUGIN_FAULT(`generation ${number} of ${this.id} failed ${faults} times and was rolled back`);
      log.warn("plugin.rolled-back", { plugin: this.id, generation: number, faults });
      this.replace(found, code).then(
        () => {
          this.error = error;
        },
        (reason) => log.warn("plugin.rollback-failed", { plugin: this.id, error: errorMessage(reason) }),
      );
    });
  }

  #replaced = ({ number }: Generation) => pluginErrors.PLUGIN_REPLACED(`generation ${number} of ${this.id} was replaced`);
  #hangs({ number: generation }: Generation, waitingFor: readonly string[]): void {
    if (waitingFor.length > 0) this.around.log.warn("plugin.hangs", { plugin: this.id, generation, waitingFor });
  }

  async #stopServices(generation: Generation): Promise<void> {
    this.#hangs(generation, await generation.instance.services.stop(this.#replaced(generation)));
  }

  /** Its calls finish, its jobs go on elsewhere, everything that it registered is undone. */
  async #retire(generation: Generation): Promise<void> {
    const { limits, log, restartJob } = this.around;
    this.#draining.add(generation);
    const waitingFor = await generation.drain(limits().drainMs);
    if (waitingFor.length > 0) {
      log.warn("plugin.drain-late", { plugin: this.id, generation: generation.number, waitingFor });
      await Promise.all([...generation.jobs].map((key) => restartJob(key, this.#replaced(generation))));
    }
    this.#hangs(generation, await generation.instance.unload());
    this.#draining.delete(generation);
  }
}

/** One plugin through its life: activated on demand, replaced by newer generations, unloaded. One change at a time. */
import type { PluginInfo } from "@pincer/plugin-sdk/contracts/plugin-host";
import { errorMessage, type GatewayError } from "@pincer/plugin-sdk/error";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { revocationOf } from "@pincer/plugin-sdk/revoked";
import { pauseAfter, retryAfter } from "@pincer/plugin-sdk/runtime/services";
import { Door, handState } from "@pincer/plugin-sdk/runtime/state";
import { Activity } from "./activity.ts";
import { requireWell, whenFailing, whenIdle } from "./condition.ts";
import type { Reach } from "./deps.ts";
import type { Found } from "./discovery.ts";
import type { Code, Entered, Generation } from "./generation.ts";
import { lastWordsOf } from "./instance.ts";
import { heldBy, takeOver } from "./lease.ts";
import { totalUseOf } from "./sandbox/use.ts";

export interface PluginSurroundings extends Pick<Reach, "clock" | "limits" | "log"> {
  /** Loads, sets up and checks a generation; what failed is undone. `code` of an earlier one runs that again. */
  prepare(found: Found, number: number, activity: Activity, code?: Code): Promise<Generation>;
  /** Called in the step in which another generation became the current one. */
  changed(): void;
  restartJob(key: string, reason: unknown): Promise<void>;
  /** Where it would run, if it were activated now. */
  isolation(found: Found): PluginInfo["isolation"];
  /** Why it may not run at all. */
  refusal(found: Found): GatewayError | undefined;
}

/** A version that worked, and the state that it gave away when it was replaced. */
type Sound = Readonly<{ found: Found; code: Code; state: unknown }>;

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
  #pausedUntil = 0;
  #activating: Promise<Generation> | undefined;
  readonly #change = createQueue();
  /** When its process ended by itself, lately. */
  #crashes: readonly number[] = [];
  /** The version that was replaced last, and did not crash. */
  #sound: Sound | undefined;
  /** What it was rolled back to, which runs whatever that folder holds by now, until something else was found. */
  #rolledBack: Readonly<{ found: Found; code: Code; error: GatewayError }> | undefined;
  readonly #door = new Door();
  /** For want of calls, so that it is unloaded; or for the next attempt. */
  #waiting: Disposable | undefined;

  constructor(
    public found: Found,
    private readonly around: PluginSurroundings,
  ) {}

  get id(): string {
    return this.found.id;
  }
  get #back() {
    return this.#rolledBack?.found === this.found ? this.#rolledBack : undefined;
  }

  /** Counts a call on the present generation; activates first, when needed. With `patient` it waits for the end of a pause after a crash. */
  enter(what: string, patient?: AbortSignal): Entered | Promise<Entered> {
    if (this.#door.opening) return this.#door.opening.then(() => this.enter(what, patient));
    if (this.current) return { generation: this.current, leave: this.current.enter(what) };
    const pause = patient ? this.#pausedUntil - this.around.clock.monotonic() : 0;
    return (pause > 0 ? this.around.clock.sleep(pause, patient) : this.activate()).then(() => this.enter(what, patient));
  }

  /** All who need it wait for one activation. A failure is remembered for a while, so that a broken plugin does not spin. */
  activate(): Promise<Generation> {
    this.#activating ??= this.#change(async () => this.current ?? this.#first()).finally(() => {
      this.#activating = undefined;
    });
    return this.#activating;
  }

  /** What made it fail may have changed: the next use tries again. */
  forgive(): void {
    this.#notBefore = this.#pausedUntil = 0;
    this.#crashes = [];
  }

  /** N+1 beside N; what fails before N+1 works leaves N, or brings it back. `code` of an earlier one runs that again, `kept` is its state. */
  replace(found: Found, code?: Code, kept?: unknown): Promise<{ readonly generation: number; readonly visibleMs: number }> {
    return this.#change(async () => {
      const { clock, limits, changed } = this.around;
      const begun = clock.monotonic();
      const { found: before, current: from } = this;
      const to = await this.around.prepare(found, ++this.number, this.activity, code);
      await requireWell(to, from);
      const missing = from ? heldBy(from) : 0;
      const state = await this.#handState(from, to, kept).catch((error) => {
        from?.instance.services.start();
        this.#door.open();
        void this.#retire(to);
        throw error;
      });
      this.#install(to, found);
      changed();
      this.#door.open();
      const visibleMs = clock.monotonic() - begun;
      if (from) {
        const [, taken] = await Promise.allSettled([this.#stopServices(from), takeOver(from, to, limits().takeOverMs, missing)]);
        if (taken.status === "rejected") {
          const again = () => this.around.prepare(before, ++this.number, this.activity, from.code);
          const back = from.isLost ? await again().catch((error) => void this.#retryLater(error)) : from;
          if (back) await this.#handState(to, back, state);
          [this.found, this.current] = [before, undefined];
          if (back) this.#install(back, before);
          changed();
          this.#door.open();
          await to.releaseAll();
          back?.instance.services.start();
          void this.#retire(to);
          throw taken.reason;
        }
        if (before !== found) this.#watchFaults({ found: before, code: from.code, state }, to);
        void this.#retire(from);
      }
      to.instance.services.start();
      return { generation: to.number, visibleMs };
    });
  }

  /** What its confinement was made of may have changed: then the same code runs again under what it comes to now. */
  async followPermissions(): Promise<void> {
    const { current, found } = this;
    if (current && (await current.isOutdated?.())) await this.replace(found, current.code);
  }

  /** Ends it; the next call activates it again, if it is still enabled. */
  async unload(): Promise<void> {
    const generation = await this.#change(async () => {
      this.#waiting?.[Symbol.dispose]();
      const last = this.current;
      this.current = undefined;
      if (last) await Promise.all([this.#stopServices(last), last.releaseAll()]);
      return last;
    });
    if (generation) await this.#retire(generation);
  }

  info(): PluginInfo {
    const { id, folder, root, manifest } = this.found;
    const error = this.found.error ?? revocationOf(folder) ?? this.error ?? (this.isEnabled ? this.around.refusal(this.found) : undefined);
    const process = this.current?.instance.process;
    return {
      id,
      folder,
      origin: root.layout === "installed" ? "installed" : "embedded",
      manifest,
      state: this.found.error ? "failed" : !this.isEnabled ? "disabled" : this.current ? "active" : error ? "failed" : "idle",
      generation: this.current?.number ?? this.number,
      draining: [...this.#draining].map(({ number, calls }) => ({ generation: number, calls: [...calls] })),
      isolation: this.current ? (process ? "process" : "inline") : this.around.isolation(this.found),
      enforced: process?.enforced ?? false,
      activity: { calls: this.activity.calls, errors: this.activity.errors, latency: this.activity.latency() },
      ...(process && { pid: process.pid, use: totalUseOf(process.pid) }),
      error: error && { code: error.code, message: error.message },
    };
  }

  async #first(): Promise<Generation> {
    const barred = this.found.error ?? revocationOf(this.found.folder);
    if (barred) throw barred;
    if (!this.isEnabled) throw pluginErrors.PLUGIN_DISABLED(`${this.id} is not enabled: set plugins.${this.id}.enabled to true`);
    const pause = this.#notBefore - this.around.clock.monotonic();
    if (this.error && pause > 0) throw retryAfter(this.error, pause);
    try {
      const next = await this.around.prepare(this.found, ++this.number, this.activity, this.#back?.code);
      this.#install(next, this.found);
      next.instance.services.start();
      return next;
    } catch (error) {
      this.#retryLater(error as GatewayError);
      throw error;
    }
  }

  #retryLater(error: GatewayError, failures = this.#failures++): void {
    const { clock, limits, log } = this.around;
    const pause = pauseAfter(failures, limits());
    this.#notBefore = clock.monotonic() + pause;
    this.error = error;
    log.warn("plugin.failed", { plugin: this.id, error: errorMessage(error), ...lastWordsOf(error), retryAfterMs: pause });
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
    this.error = this.#back?.error;
    this.#failures = this.#notBefore = 0;
    const { process } = generation.instance;
    if (process) process.onDeath = (reason, details) => this.#lost(generation, found, reason, details);
    const { idleSeconds, activate } = generation.code.manifest;
    const idleMs = idleSeconds === undefined ? process && this.around.limits().processIdleMs : idleSeconds * 1000;
    const mayIdle = idleMs !== undefined && activate !== "start" && !generation.registered.get("state", "state");
    this.#wait(mayIdle ? whenIdle(generation, idleMs, () => void this.unload()) : undefined);
  }

  /** Its process ended: it starts again, later each time; after too many ends the version before comes back, or it waits for the operator. */
  #lost(generation: Generation, found: Found, reason: GatewayError, details: Promise<GatewayError>): void {
    const { clock, limits, log, restartJob } = this.around;
    void details.then((how) => {
      log.error("plugin.crashed", { plugin: this.id, generation: generation.number, error: how.message, ...lastWordsOf(how) });
      if (this.error === reason) this.error = how;
    });
    // Before its calls are told: what this aborts is journalled neither as done nor as failed.
    for (const key of generation.jobs) void restartJob(key, reason);
    generation.isLost = true;
    if (this.current !== generation) return;
    const { crashes, crashWindowMs } = limits();
    const now = clock.monotonic();
    this.#crashes = [...this.#crashes.filter((at) => now - at < crashWindowMs), now];
    this.current = undefined;
    this.#wait(undefined);
    const isOver = this.#crashes.length > crashes;
    const ended = `${this.id} ended ${this.#crashes.length} times in ${crashWindowMs} ms`;
    const next = `"pincer plugins reload ${this.id}" tries it again; "pincer logs" says how it ended`;
    if (isOver && this.#sound && this.#sound.found !== found) {
      const error = pluginErrors.PLUGIN_CRASHED(`${ended}, and was rolled back: ${next}`, { cause: reason });
      this.#rollBack(this.#sound, generation, error).catch((failed) => this.#retryLater(failed as GatewayError));
      this.#crashes = [];
    } else if (isOver) {
      this.error = pluginErrors.PLUGIN_CRASHED(`${ended}, and is not started again by itself: ${next}`, { cause: reason });
      this.#notBefore = Number.POSITIVE_INFINITY;
    } else if (this.#crashes.length > 1) {
      this.#retryLater(reason, this.#crashes.length - 2);
      this.#pausedUntil = this.#notBefore;
    } else if (found.manifest?.activate === "start") void this.activate().catch(() => undefined); // silent-ok: it has reported
  }

  /** Too many faults soon after the swap bring the previous code back, as a generation of its own. */
  #watchFaults(sound: Sound, failing: Generation): void {
    if (this.#crashes.length === 0) this.#sound = sound;
    whenFailing(failing, (faults) => {
      if (this.current !== failing) return;
      const next = `"pincer plugins reload ${this.id}" tries that version again`;
      const error = pluginErrors.PLUGIN_FAULT(
        `generation ${failing.number} of ${this.id} failed ${faults} times and was rolled back: ${next}`,
      );
      this.#rollBack(sound, failing, error).catch((reason) =>
        this.around.log.warn("plugin.rollback-failed", { plugin: this.id, error: errorMessage(reason) }),
      );
    });
  }

  async #rollBack({ found, code, state }: Sound, { number }: Generation, error: GatewayError): Promise<void> {
    this.around.log.warn("plugin.rolled-back", { plugin: this.id, generation: number, error: error.message });
    await this.replace(found, code, state);
    this.#rolledBack = { found, code, error };
    this.error = error;
  }

  /** See `handState`. Until the door is opened, whoever comes waits. */
  #handState(from: Generation | undefined, to: Generation, kept: unknown): Promise<unknown> {
    const ending = async () => (await Promise.all([from ? this.#stopServices(from) : [], from?.releaseAll()]))[0];
    const lost = ({ message }: Error) => this.around.log.warn("plugin.state-lost", { plugin: this.id, for: to.number, error: message });
    return handState({ from, to, kept, door: this.#door, ms: this.around.limits().stateMs, ending, lost });
  }

  #replaced = ({ number }: Generation) => pluginErrors.PLUGIN_REPLACED(`generation ${number} of ${this.id} was replaced`);
  #hangs({ number: generation }: Generation, waitingFor: readonly string[]): void {
    if (waitingFor.length > 0) this.around.log.warn("plugin.hangs", { plugin: this.id, generation, waitingFor });
  }

  async #stopServices(generation: Generation): Promise<readonly string[]> {
    const hung = await generation.instance.services.stop(this.#replaced(generation));
    this.#hangs(generation, hung);
    return hung;
  }

  /** Its calls finish, unless nobody should run it any more; its jobs go on elsewhere, everything that it registered is undone. */
  async #retire(generation: Generation): Promise<void> {
    const { limits, log, restartJob } = this.around;
    this.#draining.add(generation);
    const waitingFor = revocationOf(generation.folder) ? generation.calls : await generation.drain(limits().drainMs);
    if (waitingFor.length > 0) {
      log.warn("plugin.drain-late", { plugin: this.id, generation: generation.number, waitingFor });
      await Promise.all([...generation.jobs].map((key) => restartJob(key, this.#replaced(generation))));
    }
    this.#hangs(generation, [...(await generation.instance.unload()), ...generation.unended()]);
    this.#draining.delete(generation);
  }
}

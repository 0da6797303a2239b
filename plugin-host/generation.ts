/** One generation of a plugin as the host holds it: its instance, the calls inside it, what it holds alone, and who is to blame. */
import type { HealthReport, Logger, PluginDefinition } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { faultOf, knownError } from "@pincer/plugin-sdk/plugin-errors";
import { within } from "@pincer/plugin-sdk/runtime/deadline";
import { plainHealth } from "@pincer/plugin-sdk/runtime/health";
import { whyAt } from "@pincer/plugin-sdk/runtime/loader";
import type { Registrations } from "@pincer/plugin-sdk/runtime/registrations";
import type { Activity } from "./activity.ts";
import type { PluginInstance } from "./instance.ts";
import { Lease } from "./lease.ts";
import type { PluginLimits } from "./limits.ts";

export interface Code {
  readonly manifest: Manifest;
  /** Absent when it runs in a process of its own, from this bundle. */
  readonly definition?: PluginDefinition;
  readonly bundle?: string;
}

/** A call that was counted on a generation. */
export interface Entered {
  readonly generation: Generation;
  leave(): void;
}

/** Runs on the generation, counted and blamed. An answer that is no promise is given as it is, so that nobody waits for it. */
export function use<T>(
  { generation, leave }: Entered,
  what: string,
  run: (generation: Generation) => T | Promise<T>,
  signal?: AbortSignal,
): T | Promise<T> {
  let answer: T | Promise<T>;
  try {
    answer = run(generation);
  } catch (error) {
    leave();
    throw generation.blame(error, what, signal);
  }
  if (answer instanceof Promise) return ended({ generation, leave }, what, answer, signal);
  leave();
  return answer;
}

async function ended<T>({ generation, leave }: Entered, what: string, answer: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw generation.blame(error, what, signal);
  } finally {
    leave();
  }
}

export class Generation {
  /** Set before anybody sees the generation. */
  instance!: PluginInstance;
  readonly leases = new Set<Lease>();
  /** Keys of the jobs that it runs. */
  readonly jobs = new Set<string>();
  /** How many calls run, and of what; a name stays when its last call has left, so that counting stays cheap. */
  #inside = 0;
  readonly #calls = new Map<string, { running: number }>();
  /** Made for who waits, since a call that is alone empties the generation each time. */
  #empty: PromiseWithResolvers<void> | undefined;
  faults = 0;
  /** Its process ended by itself: nothing can go on in it. */
  isLost = false;
  /** Called whenever the last call has left. */
  onEmpty: (() => void) | undefined;
  onFault: (() => void) | undefined;
  /** By name, what it was told of a secret: its value, or whether there is one. */
  readonly secrets = new Map<string, string | boolean | undefined>();
  /** Set once it is set up: whether a secret, or what confines it, would be another one now. */
  isOutdated: (() => Promise<boolean>) | undefined;
  onLease: ((lease: Lease, outcome: "held" | "ended") => void) | undefined;

  constructor(
    readonly plugin: string,
    /** Its code's. */
    readonly folder: string,
    readonly number: number,
    public code: Code,
    readonly clock: Clock,
    readonly limits: () => PluginLimits,
    private readonly log: Logger,
    readonly activity: Activity,
  ) {}

  get name(): string {
    return `generation ${this.number} of ${this.plugin}`;
  }
  get registered(): Registrations {
    return this.instance.registered;
  }
  get isIdle(): boolean {
    return this.#inside + this.leases.size + this.instance.services.size === 0;
  }
  get calls(): readonly string[] {
    return [...this.#calls].flatMap(([what, { running }]) => (running > 0 ? [what] : []));
  }

  /** Counts a call until the returned function is called; more often does no harm. */
  enter(what: string): () => void {
    const calls = this.#calls.get(what) ?? this.#calls.set(what, { running: 0 }).get(what)!;
    const begun = this.activity.begin() ? this.clock.monotonic() : undefined;
    let isInside = true;
    calls.running++;
    this.#inside++;
    return () => {
      if (!isInside) return;
      isInside = false;
      if (begun !== undefined) this.activity.took(this.clock.monotonic() - begun);
      calls.running--;
      if (--this.#inside > 0) return;
      this.#empty?.resolve();
      this.#empty = undefined;
      this.onEmpty?.();
    };
  }

  /** What leaves the plugin as an error: its own codes unchanged, the caller's abort as it is, a full disk, anything else a fault of this generation. */
  blame = (error: unknown, what: string, signal?: AbortSignal): unknown => {
    const known = signal?.aborted ? error : knownError(error);
    if (known) return known;
    const fault = faultOf(error, this.plugin, what);
    this.log.error("plugin.fault", { generation: this.number, ...fault.data, error: (error as Error)?.stack ?? String(error) });
    this.faults++;
    this.activity.errors++;
    this.onFault?.();
    return fault;
  };

  /** Whether its process ended so. */
  isEnd = (error: unknown): boolean => this.instance.process?.isEnd(error) === true;

  /** What the plugin says of itself; that it is well, when it says nothing. */
  health(): Promise<HealthReport> {
    const reported = Promise.try(() => this.registered.get("health", "health")?.check() ?? { ok: true });
    // What is no JSON would keep whoever asks, and every hello, from their answer.
    const plain = reported.then(plainHealth);
    const failed = (error: unknown) => ({ ok: false, detail: whyAt(this.folder, error).said });
    return within(this.clock, this.limits().healthMs, plain, "its health check").catch(failed);
  }

  /** Waits for the calls inside, at most so long; answers with those that have not ended. */
  async drain(ms: number): Promise<readonly string[]> {
    if (this.#inside === 0) return [];
    this.#empty ??= Promise.withResolvers();
    await within(this.clock, ms, this.#empty.promise).catch(() => undefined); // silent-ok: the answer says what still runs
    return this.calls;
  }

  /** Of a connection that only one generation may hold; it is no part of a drain. */
  lease = (stop: () => void): Lease => {
    const lease = new Lease(stop, (changed, outcome) => {
      if (outcome === "ended") this.leases.delete(changed);
      this.onLease?.(changed, outcome);
    });
    this.leases.add(lease);
    return lease;
  };
  /** A reader that reads no further keeps its connection from ending: it is waited for so long, and keeps nothing else. */
  releaseAll = (ms = this.limits().unloadMs): Promise<unknown> =>
    within(this.clock, ms, Promise.all([...this.leases].map((lease) => lease.release()))).catch(() => undefined); // silent-ok: `unended` says it
  unended = (): readonly string[] => [...this.leases].map(() => "a connection whose reader does not let it go");
}

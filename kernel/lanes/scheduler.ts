/** Which job runs next: one at a time in each lane, within the limits of kinds, and one suspect at a time. In memory only. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { QueueMode } from "@pincer/plugin-sdk/job";
import type { OpenJob } from "./rows.ts";
import type { LanesSettings } from "./settings.ts";

export interface Lane {
  readonly name: string;
  /** In the order in which they will run. */
  readonly waiting: OpenJob[];
  running: OpenJob | undefined;
  /** Admissions that are being committed. */
  arriving: number;
}

interface Entry extends Lane {
  activating: boolean;
  /** The kind that was activated for the job now at the head. */
  activated: string | undefined;
  wake: Disposable | undefined;
}

export interface SchedulerPorts {
  readonly clock: Clock;
  readonly settings: () => LanesSettings;
  /** How many jobs of the kind may run at once. Undefined: no handler. */
  concurrency(kind: string): number | undefined;
  /** Must not throw. Whether a handler came of it shows in `concurrency`. */
  activate(kind: string): Promise<void>;
  start(job: OpenJob): void;
}

/** A job that has begun keeps its place at the head: what ran before must not be overtaken by the messages behind it. */
function before(a: OpenJob, b: OpenJob): boolean {
  if ((a.journal !== null) !== (b.journal !== null)) return a.journal !== null;
  if ((a.mode === "interrupt") !== (b.mode === "interrupt")) return a.mode === "interrupt";
  return a.priority === b.priority ? a.id < b.id : a.priority > b.priority;
}

export class Scheduler {
  readonly #ports: SchedulerPorts;
  readonly #lanes = new Map<string, Entry>();
  readonly #running = new Map<string, number>();
  /** Lanes whose next job waits for a place among those of its kind, or of the suspects. */
  readonly #blocked = new Set<Entry>();
  #onTrial: OpenJob | undefined;
  #paused = true;

  constructor(ports: SchedulerPorts) {
    this.#ports = ports;
  }

  /** How many lanes are held in memory: those where something runs, waits or arrives. */
  get size(): number {
    return this.#lanes.size;
  }

  peek(name: string): Readonly<Lane> | undefined {
    return this.#lanes.get(name);
  }

  /** Counts `by` admissions as waiting in the lane, from before their commit until after it. */
  arrive(name: string, by: 1 | -1): Lane {
    const lane = this.#lane(name);
    lane.arriving += by;
    this.#dropIdle(lane);
    return lane;
  }

  /** All of them first, then whatever may start: the order in which they are given does not matter. */
  add(jobs: readonly OpenJob[]): void {
    const lanes = new Set<Entry>();
    for (const job of jobs) {
      const lane = this.#lane(job.lane);
      let at = lane.waiting.length;
      while (at > 0 && before(job, lane.waiting[at - 1] as OpenJob)) at--;
      lane.waiting.splice(at, 0, job);
      lanes.add(lane);
    }
    for (const lane of lanes) this.#advance(lane);
  }

  /** Takes out a job that waits, to be ended. A free lane is its own until `ended`, since what it has absorbed goes before what waits. */
  remove(job: OpenJob): boolean {
    const lane = this.#lanes.get(job.lane);
    const at = lane?.waiting.indexOf(job) ?? -1;
    if (!lane || at < 0) return false;
    lane.waiting.splice(at, 1);
    if (!lane.running) this.#occupy(lane, job);
    return true;
  }

  /** Takes out what waits under one of the modes, has never begun and may run now: up to the first that was taken before and came back. */
  take(name: string, modes: readonly QueueMode[]): OpenJob[] {
    const now = this.#ports.clock.now();
    const waiting = this.#lanes.get(name)?.waiting ?? [];
    const end = waiting.findIndex((job) => job.returned);
    const reachable = end < 0 ? waiting : waiting.slice(0, end);
    const taken = reachable.filter((job) => modes.includes(job.mode) && job.journal === null && job.notBefore <= now);
    for (const job of taken) waiting.splice(waiting.indexOf(job), 1);
    return taken;
  }

  ended(job: OpenJob): void {
    const lane = this.#lanes.get(job.lane);
    if (lane?.running !== job) return;
    lane.running = undefined;
    this.#running.set(job.kind, (this.#running.get(job.kind) ?? 1) - 1);
    if (this.#running.get(job.kind) === 0) this.#running.delete(job.kind);
    if (this.#onTrial === job) this.#onTrial = undefined;
    this.#blocked.add(lane);
    this.#unblock();
    this.#dropIdle(lane);
  }

  isSuspect({ crashes }: OpenJob): boolean {
    const { trialAfter, parkAfter } = this.#ports.settings();
    return crashes >= trialAfter && crashes < parkAfter;
  }

  /** A handler or its limit has changed. */
  reconsider(): void {
    this.#unblock();
  }

  /** Until then jobs are only put in order. */
  run(): void {
    this.#paused = false;
    for (const lane of this.#lanes.values()) this.#advance(lane);
  }

  /** Starts nothing any more. */
  stop(): void {
    this.#paused = true;
    for (const lane of this.#lanes.values()) lane.wake?.[Symbol.dispose]();
  }

  #lane(name: string): Entry {
    let lane = this.#lanes.get(name);
    if (!lane) {
      lane = { name, waiting: [], running: undefined, arriving: 0, activating: false, activated: undefined, wake: undefined };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #dropIdle(lane: Entry): void {
    if (lane.running || lane.activating || lane.arriving > 0 || lane.waiting.length > 0) return;
    lane.wake?.[Symbol.dispose]();
    this.#blocked.delete(lane);
    this.#lanes.delete(lane.name);
  }

  /** The job whose turn it is. One that is not due yet lets others pass, unless it has begun. */
  #head(lane: Entry): { readonly job?: OpenJob; readonly wakeAt: number } {
    const now = this.#ports.clock.now();
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const job of lane.waiting) {
      if (job.notBefore <= now) return { job, wakeAt };
      wakeAt = Math.min(wakeAt, job.notBefore);
      if (job.journal !== null) break;
    }
    return { wakeAt };
  }

  #hasPlace(job: OpenJob): boolean {
    const limit = this.#ports.concurrency(job.kind) ?? Number.POSITIVE_INFINITY;
    return (this.#running.get(job.kind) ?? 0) < limit && !(this.#onTrial && this.isSuspect(job));
  }

  #advance(lane: Entry): void {
    if (this.#paused || lane.running || lane.activating) return;
    const { clock, settings, concurrency, activate } = this.#ports;
    const { job, wakeAt } = this.#head(lane);
    lane.wake?.[Symbol.dispose]();
    lane.wake = undefined;
    if (!job) {
      if (wakeAt < Number.POSITIVE_INFINITY) {
        lane.wake = clock.after(Math.min(wakeAt - clock.now(), settings().recheckMs), () => this.#advance(lane));
      }
      this.#dropIdle(lane);
    } else if (concurrency(job.kind) === undefined && lane.activated !== job.kind) {
      lane.activating = true;
      void activate(job.kind).then(() => {
        lane.activating = false;
        lane.activated = job.kind;
        this.#advance(lane);
      });
    } else if (this.#hasPlace(job)) {
      this.#start(lane, job);
    } else {
      this.#blocked.add(lane);
    }
  }

  #start(lane: Entry, job: OpenJob): void {
    this.#blocked.delete(lane);
    lane.activated = undefined;
    lane.waiting.splice(lane.waiting.indexOf(job), 1);
    this.#occupy(lane, job);
    if (this.isSuspect(job)) this.#onTrial = job;
    this.#ports.start(job);
  }

  #occupy(lane: Entry, job: OpenJob): void {
    lane.running = job;
    this.#running.set(job.kind, (this.#running.get(job.kind) ?? 0) + 1);
  }

  /** Gives free places to the lanes that wait for one: highest priority first, then oldest. */
  #unblock(): void {
    for (;;) {
      let best: { lane: Entry; job: OpenJob } | undefined;
      for (const lane of this.#blocked) {
        const { job } = this.#head(lane);
        if (job && this.#hasPlace(job) && (!best || before(job, best.job))) best = { lane, job };
        if (!job) this.#blocked.delete(lane);
        if (!job) this.#advance(lane);
      }
      if (!best) return;
      this.#blocked.delete(best.lane);
      this.#advance(best.lane);
    }
  }
}

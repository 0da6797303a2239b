/** Which job runs next: one at a time in each lane, within the limits of kinds, and one suspect at a time. In memory only. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { QueueMode } from "@pincer/plugin-sdk/job";
import type { OpenJob } from "./rows.ts";
import type { LanesSettings } from "./settings.ts";

interface Lane {
  readonly name: string;
  /** In the order in which they will run. */
  readonly waiting: OpenJob[];
  running: OpenJob | undefined;
  /** Admissions that are being committed. */
  arriving: number;
  wake: Disposable | undefined;
}

export interface SchedulerPorts {
  readonly clock: Clock;
  readonly settings: () => LanesSettings;
  /** How many jobs of the kind may run at once. */
  concurrency(kind: string): number;
  start(job: OpenJob): void;
}

/** A job that has begun keeps its place at the head: what ran before must not be overtaken by the messages behind it. */
function order(a: OpenJob, b: OpenJob): number {
  const first = (is: (job: OpenJob) => boolean) => Number(is(b)) - Number(is(a));
  return first(({ journal }) => journal !== null) || first(({ mode }) => mode === "interrupt") || b.priority - a.priority || a.id - b.id;
}

export class Scheduler {
  readonly #ports: SchedulerPorts;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes in which nothing runs, and something may wait. */
  readonly #free = new Set<Lane>();
  /** How many of a kind run. */
  readonly #running = new Map<string, number>();
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
  arrive(name: string, by: 1 | -1): void {
    const lane = this.#lane(name);
    lane.arriving += by;
    this.#dropIdle(lane);
  }

  /** All of them first, then whatever may start: the order in which they are given does not matter. */
  add(jobs: readonly OpenJob[]): void {
    const lanes = new Set<Lane>();
    for (const job of jobs) {
      const lane = this.#lane(job.lane);
      const at = lane.waiting.findLastIndex((other) => order(other, job) < 0);
      lane.waiting.splice(at + 1, 0, job);
      lanes.add(lane);
    }
    for (const lane of lanes) this.#release(lane);
  }

  /** A job that waits is to be cancelled, and its handler ends it: it waits for nobody any more. */
  hurry({ lane: name }: OpenJob): void {
    const lane = this.#lanes.get(name);
    if (lane) this.#release(lane);
  }

  /** Takes out a job that waits, to be ended. A free lane is its own until `ended`, since what it has absorbed goes before what waits. */
  remove(job: OpenJob): boolean {
    const lane = this.#lanes.get(job.lane);
    if (!lane?.waiting.includes(job)) return false;
    if (lane.running) lane.waiting.splice(lane.waiting.indexOf(job), 1);
    else this.#occupy(lane, job);
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
    const others = (this.#running.get(job.kind) ?? 1) - 1;
    if (others > 0) this.#running.set(job.kind, others);
    else this.#running.delete(job.kind);
    if (this.#onTrial === job) this.#onTrial = undefined;
    this.#free.add(lane);
    this.advance();
  }

  isSuspect({ crashes, cancel }: OpenJob): boolean {
    const { trialAfter, parkAfter } = this.#ports.settings();
    return crashes >= trialAfter && crashes < parkAfter && cancel === null;
  }

  /** Until then jobs are only put in order. */
  run(): void {
    this.#paused = false;
    this.advance();
  }

  /** Starts nothing any more. */
  stop(): void {
    this.#paused = true;
    for (const lane of this.#lanes.values()) lane.wake?.[Symbol.dispose]();
  }

  /** Gives the places that are free to the lanes that are: highest priority first, then oldest. */
  advance(): void {
    if (this.#paused) return;
    const heads: OpenJob[] = [];
    for (const lane of this.#free) heads.push(...this.#head(lane));
    if (heads.length > 1) heads.sort(order);
    for (const job of heads) this.#start(job);
  }

  #lane(name: string): Lane {
    const empty = { name, waiting: [], running: undefined, arriving: 0, wake: undefined };
    return this.#lanes.getOrInsertComputed(name, () => empty);
  }

  #dropIdle(lane: Lane): void {
    if (lane.running || lane.arriving > 0 || lane.waiting.length > 0) return;
    this.#lanes.delete(lane.name);
  }

  /** The job whose turn it is in a free lane. One that is not due yet lets others pass, unless it has begun. */
  #head(lane: Lane): readonly OpenJob[] {
    const { clock, settings } = this.#ports;
    const now = clock.now();
    lane.wake?.[Symbol.dispose]();
    lane.wake = undefined;
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const job of lane.waiting) {
      if (job.notBefore <= now || job.cancel !== null) return [job];
      wakeAt = Math.min(wakeAt, job.notBefore);
      if (job.journal !== null) break;
    }
    this.#free.delete(lane);
    this.#dropIdle(lane);
    if (wakeAt < Number.POSITIVE_INFINITY) lane.wake = clock.after(Math.min(wakeAt - now, settings().recheckMs), () => this.#release(lane));
    return [];
  }

  /** Nothing runs in the lane, if nothing does: its next job may start. */
  #release(lane: Lane): void {
    if (lane.running) return;
    this.#free.add(lane);
    if (!this.#paused) for (const job of this.#head(lane)) this.#start(job);
  }

  #start(job: OpenJob): void {
    const { concurrency, start } = this.#ports;
    const lane = this.#lanes.get(job.lane);
    // Whoever was told of a start before this one may have changed what waits.
    if (!lane || !this.#free.has(lane) || !lane.waiting.includes(job)) return;
    const isSuspect = this.isSuspect(job);
    const isFull = (this.#running.get(job.kind) ?? 0) >= concurrency(job.kind) || (isSuspect && this.#onTrial);
    if (isFull && job.cancel === null) return;
    this.#occupy(lane, job);
    if (isSuspect) this.#onTrial = job;
    start(job);
  }

  #occupy(lane: Lane, job: OpenJob): void {
    lane.waiting.splice(lane.waiting.indexOf(job), 1);
    lane.running = job;
    this.#free.delete(lane);
    this.#running.set(job.kind, (this.#running.get(job.kind) ?? 0) + 1);
  }
}

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
  wake: Disposable | undefined;
}

/** A job that has begun keeps its place at the head: what ran before must not be overtaken by the messages behind it. */
function order(a: OpenJob, b: OpenJob): number {
  const first = (is: (job: OpenJob) => boolean) => Number(is(b)) - Number(is(a));
  return first(({ journal }) => journal !== null) || first(({ mode }) => mode === "interrupt") || b.priority - a.priority || a.id - b.id;
}

export class Scheduler {
  /** Those where something runs or waits. */
  readonly lanes = new Map<string, Lane>();
  /** Lanes in which nothing runs, and something may wait. */
  readonly #free = new Set<Lane>();
  /** How many of a kind run. */
  readonly #running = new Map<string, number>();
  #onTrial: OpenJob | undefined;
  #paused = true;

  constructor(
    readonly deps: { readonly clock: Clock; readonly settings: () => LanesSettings },
    /** How many jobs of a kind may run at once. */
    readonly concurrency: (kind: string) => number,
    readonly start: (job: OpenJob) => void,
  ) {}

  /** All of them first, then whatever may start: the order in which they are given does not matter. */
  add(jobs: readonly OpenJob[]): void {
    for (const job of jobs) {
      const empty = { name: job.lane, waiting: [], running: undefined, wake: undefined };
      const lane: Lane = this.lanes.getOrInsertComputed(job.lane, () => empty);
      const at = lane.waiting.findLastIndex((other) => order(other, job) < 0);
      lane.waiting.splice(at + 1, 0, job);
    }
    for (const name of new Set(jobs.map(({ lane }) => lane))) this.look(name);
  }

  /** What waits in the lane has changed: its head may start now. */
  look(name: string): void {
    const lane = this.lanes.get(name);
    if (!lane || lane.running) return;
    this.#free.add(lane);
    this.#advance([lane]);
  }

  /** Takes out a job that waits, to be ended. */
  remove(job: OpenJob): boolean {
    const { waiting = [] } = this.lanes.get(job.lane) ?? {};
    const at = waiting.indexOf(job);
    if (at >= 0) waiting.splice(at, 1);
    return at >= 0;
  }

  /** Takes out what waits under one of the modes, has never begun and may run now: up to the first that was taken before and came back. */
  take(name: string, modes: readonly QueueMode[]): OpenJob[] {
    const now = this.deps.clock.now();
    const waiting = this.lanes.get(name)?.waiting ?? [];
    const end = waiting.findIndex((job) => job.returned);
    const reachable = end < 0 ? waiting : waiting.slice(0, end);
    const taken = reachable.filter((job) => modes.includes(job.mode) && job.journal === null && job.notBefore <= now);
    for (const job of taken) waiting.splice(waiting.indexOf(job), 1);
    return taken;
  }

  ended(job: OpenJob): void {
    const lane = this.lanes.get(job.lane);
    if (lane?.running !== job) return void this.look(job.lane);
    lane.running = undefined;
    this.#running.set(job.kind, (this.#running.get(job.kind) ?? 1) - 1);
    if (this.#onTrial === job) this.#onTrial = undefined;
    this.#free.add(lane);
    this.#advance(this.#free);
  }

  isSuspect({ crashes, over }: OpenJob): boolean {
    const { trialAfter, parkAfter } = this.deps.settings();
    return crashes >= trialAfter && crashes < parkAfter && !over;
  }

  /** Until then jobs are only put in order. */
  run(): void {
    this.#paused = false;
    this.#advance(this.#free);
  }

  /** Starts nothing any more. */
  stop(): void {
    this.#paused = true;
    for (const lane of this.lanes.values()) lane.wake?.[Symbol.dispose]();
  }

  /** Gives the places that are free to free lanes: highest priority first, then oldest. */
  #advance(free: Iterable<Lane>): void {
    if (this.#paused) return;
    const heads: OpenJob[] = [];
    for (const lane of free) {
      const head = this.#head(lane);
      if (head) heads.push(head);
    }
    if (heads.length > 1) heads.sort(order);
    for (const job of heads) this.#start(job);
  }

  /** The job whose turn it is in a free lane. One that is not due yet lets others pass, unless it has begun. */
  #head(lane: Lane): OpenJob | undefined {
    const { clock, settings } = this.deps;
    const now = clock.now();
    lane.wake?.[Symbol.dispose]();
    lane.wake = undefined;
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const job of lane.waiting) {
      if (job.notBefore <= now || job.over) return job;
      wakeAt = Math.min(wakeAt, job.notBefore);
      if (job.journal !== null) break;
    }
    this.#free.delete(lane);
    if (lane.waiting.length === 0) this.lanes.delete(lane.name);
    else lane.wake = clock.after(Math.min(wakeAt - now, settings().recheckMs), () => this.look(lane.name));
    return undefined;
  }

  #start(job: OpenJob): void {
    const lane = this.lanes.get(job.lane);
    // Whoever was told of a start before this one may have changed what waits.
    if (!lane || !this.#free.has(lane) || !lane.waiting.includes(job)) return;
    const isSuspect = this.isSuspect(job);
    const running = this.#running.get(job.kind) ?? 0;
    const isFull = running >= this.concurrency(job.kind) || (isSuspect && this.#onTrial);
    if (isFull && !job.over) return;
    lane.waiting.splice(lane.waiting.indexOf(job), 1);
    lane.running = job;
    this.#free.delete(lane);
    this.#running.set(job.kind, running + 1);
    if (isSuspect) this.#onTrial = job;
    this.start(job);
  }
}

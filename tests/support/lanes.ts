/** Lanes over a real store in a folder of their own, with a clock that tests drive; they can crash and start again. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Admission, Job, JobOutcome, JobRunner } from "@pincer/plugin-sdk/job";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Value } from "@sinclair/typebox/value";
import type { JobChange, LanesDeps } from "../../kernel/lanes/jobs.ts";
import { createLanes, type Lanes } from "../../kernel/lanes/lanes.ts";
import { lanesMigrations } from "../../kernel/lanes/rows.ts";
import { LanesConfig, type LanesSettings } from "../../kernel/lanes/settings.ts";
import { openStore, type StoreOptions } from "../../store/sqlite.ts";
import type { Migration, Store } from "../../store/store.ts";

export type Handler = JobRunner["run"] | JobRunner;

type Admitted = Awaited<ReturnType<Lanes["admitAll"]>>[number] & { readonly outcome: Promise<JobOutcome> };
export interface FollowedLanes extends Omit<Lanes, "admitAll"> {
  admit(admission: Admission): Promise<Admitted>;
  admitAll(...given: Parameters<Lanes["admitAll"]>): Promise<readonly Admitted[]>;
}

/** The lanes, with the end of each job that is admitted beside the answer. */
export function followed(lanes: Lanes): FollowedLanes {
  const admitAll: FollowedLanes["admitAll"] = async (...given) =>
    (await lanes.admitAll(...given)).map((admitted) => {
      const outcome = lanes.wait(admitted.key);
      outcome.catch(() => {}); // silent-ok: a test need not wait for it
      return { ...admitted, outcome };
    });
  return { ...lanes, admitAll, admit: async (admission) => (await admitAll([admission]))[0] as Admitted };
}

interface Incarnation {
  readonly lanes: FollowedLanes;
  readonly store: Store;
  readonly changes: JobChange[];
  /** Lines that were logged, as `event key`. */
  readonly logged: string[];
  /** Resolves at the first change of a type for a key, also when it has happened before. */
  until(type: JobChange["type"], key: string): Promise<JobChange>;
}

interface LaneOptions {
  readonly settings?: Partial<LanesSettings>;
  readonly probe?: LanesDeps["probe"];
  readonly store?: Partial<StoreOptions>;
  readonly migrations?: readonly Migration[];
}

export async function createLaneHome() {
  const folder = mkdtempSync(join(tmpdir(), "pincer-lanes-"));
  const clock = createManualClock();
  let present: Incarnation | undefined;

  const start = async (
    handlers: Readonly<Record<string, Handler>>,
    options: LaneOptions = {},
    before: (lanes: FollowedLanes) => void = () => {},
  ): Promise<Incarnation> => {
    const path = join(folder, "lanes.sqlite");
    const migrations = [...lanesMigrations, ...(options.migrations ?? [])];
    const store = await openStore({ path, migrations, ...options.store });
    const changes: JobChange[] = [];
    const logged: string[] = [];
    const waiting = new Set<{ matches(change: JobChange): boolean; resolve(change: JobChange): void }>();
    const log = (event: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void logged.push(`${event} ${fields.key ?? fields.code ?? ""}`);
    const onChange = (change: JobChange) => {
      changes.push(change);
      for (const entry of waiting) if (entry.matches(change)) entry.resolve(change);
    };
    const settings = { ...(Value.Default(LanesConfig, {}) as LanesSettings), ...options.settings };
    const { probe } = options;
    const lanes = followed(
      createLanes({ store, clock, settings: () => settings, log: { warn: log, error: log }, onChange, ...(probe && { probe }) }),
    );
    for (const [kind, handler] of Object.entries(handlers))
      lanes.handle(kind, typeof handler === "function" ? { journal: 1, run: handler } : handler);
    present = {
      lanes,
      store,
      changes,
      logged,
      until(type, key) {
        const matches = (change: JobChange) => change.type === type && change.job.key === key;
        const past = changes.find(matches);
        return past ? Promise.resolve(past) : new Promise((resolve) => void waiting.add({ matches, resolve }));
      },
    };
    before(lanes);
    await lanes.recover();
    return present;
  };

  /** The process dies: what was not durable is gone, and what runs is never heard of again. */
  const crash = async () => {
    await present?.store.close();
    present = undefined;
  };

  return {
    folder,
    clock,
    start,
    crash,
    async [Symbol.asyncDispose]() {
      await crash();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** An admission to the lane `a`, of the kind `turn`. */
export const turn = (key: string, over: Partial<Admission> = {}): Admission => ({ lane: "a", kind: "turn", key, input: { key }, ...over });

/** Something that a handler waits for until the test lets it go. */
export function gateway<T = void>() {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { passed: promise, open: resolve };
}

/** A handler's wait that ends when it is told to stop. */
export const aborted = ({ signal }: Job): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

export const echo = async (job: Job) => job.input;
export const keysOf = (jobs: readonly { readonly key: string }[]) => jobs.map(({ key }) => key);

/** A handler that notes who starts, and holds each job until the test lets it go. */
export function stage() {
  const order: string[] = [];
  const gates = new Map<string, ReturnType<typeof gateway>>();
  const gate = (key: string) => gates.getOrInsertComputed(key, () => gateway());
  return {
    order,
    release: (key: string) => gate(key).open(),
    handler: async (job: Job) => {
      order.push(job.key);
      await Promise.race([gate(job.key).passed, aborted(job)]);
      return job.key;
    },
  };
}

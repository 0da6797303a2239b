/** Who runs which kind: the newest handler takes new jobs, a replaced one finishes its own or hands them over. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { laneErrors } from "./errors.ts";
import type { LaneHandler, Run } from "./run.ts";
import type { LanesSettings } from "./settings.ts";

export function createHandlers(deps: {
  readonly clock: Clock;
  readonly settings: () => LanesSettings;
  readonly runs: ReadonlyMap<string, Run>;
  changed(): void;
}) {
  const handlers = new Map<string, readonly LaneHandler[]>();

  /** Waits until these runs have ended; what only sleeps at once, and what still runs after `ms`, is put back, to be resumed by the next handler of its kind. */
  const hand = async (over: readonly Run[], ms: number, reason: string): Promise<void> => {
    const released = laneErrors.LANE_RELEASED(reason);
    using _late = deps.clock.after(ms, () => {
      for (const run of over) run.stop(released);
    });
    for (const run of over) run.release(released);
    await Promise.all(over.map(({ finished }) => finished.promise));
  };

  return {
    hand,
    handlerOf: (kind: string) => handlers.get(kind)?.at(-1),

    /**
     * Until disposed, jobs of the kind run here; the newest handler of a kind takes them. A job that runs when its handler is disposed runs
     * on; disposing asynchronously also waits for it, and after `handOverMs` hands it to the next handler, which resumes it.
     */
    handle(kind: string, handler: LaneHandler): Disposable & AsyncDisposable {
      handlers.set(kind, [...(handlers.get(kind) ?? []), handler]);
      deps.changed();
      const remove = () => {
        handlers.set(kind, handlers.get(kind)?.filter((other) => other !== handler) ?? []);
      };
      return {
        [Symbol.dispose]: remove,
        async [Symbol.asyncDispose]() {
          remove();
          const left = [...deps.runs.values()].filter((run) => run.handler === handler);
          await hand(left, deps.settings().handOverMs, `the handler of ${kind} was replaced`);
        },
      };
    },

    /** Aborts the running job, waits for its end, and runs it again from its journal under the handler that its kind then has. */
    async restart(key: string, reason: unknown): Promise<void> {
      const run = deps.runs.get(key);
      run?.stop(laneErrors.LANE_RELEASED(errorMessage(reason), { cause: reason }));
      await run?.finished.promise;
    },
  };
}

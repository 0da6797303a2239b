/** Finds out whether a vendor takes a profile again whose cooldown is over, before a turn does: by what costs nothing, and one at a time. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Health, Target } from "./health.ts";
import { endpointOf } from "./order.ts";
import type { Tokens } from "./tokens.ts";

/** Timers of the system have an end; a longer wait is taken up again there. */
const LONGEST_TIMER_MS = 86_400_000;

type Outcome = { readonly possible: false } | { readonly possible: true; readonly failure?: ModelFailure };

export interface Prober extends Disposable {
  /** Looks again when the next cooldown ends. */
  arm(): void;
  /** Asks the vendor now. */
  ask(profile: string, io: Io): Promise<Outcome>;
}

export function createProber(
  ctx: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly signal: AbortSignal;
    readonly config: { readonly probe: boolean };
    readonly uses: { readonly access: ImplementationOf<typeof modelAccess> };
  },
  health: Health,
  tokens: Tokens,
): Prober {
  const { clock, log, signal } = ctx;
  let timer: Disposable | undefined;

  const ask = async (profile: string, io: Io): Promise<Outcome> => {
    const found = await tokens.credential(profile);
    if ("failure" in found) return { possible: true, failure: found.failure };
    return ctx.uses.access.probe({ endpoint: endpointOf(profile), ...found }, io);
  };

  const probe = async (profile: string, targets: readonly Target[]): Promise<void> => {
    const attempts = targets.map((target) => health.beginProbe(target));
    try {
      const outcome = await ask(profile, { signal });
      for (const attempt of attempts) {
        // Where nothing can be found out the first turn will.
        if (outcome.possible) health.probed(attempt, outcome.failure);
        else health.abandoned(attempt);
      }
      log.info("failover.probed", { profile, possible: outcome.possible, class: outcome.possible ? outcome.failure?.class : undefined });
    } catch (error) {
      for (const attempt of attempts) health.abandoned(attempt);
      if (!signal.aborted) log.warn("failover.not-probed", { profile, error: errorMessage(error) });
    }
    arm();
  };

  const look = (): void => {
    const resting = [...health.resting()];
    const due = resting.filter(({ leftMs }) => leftMs <= 0).map(({ target }) => target);
    for (const [profile, targets] of Map.groupBy(due, (target) => target.profile)) void probe(profile, targets);
    const next = Math.min(...resting.filter(({ leftMs }) => leftMs > 0).map(({ leftMs }) => leftMs));
    if (Number.isFinite(next)) timer = clock.after(Math.min(next, LONGEST_TIMER_MS), look);
  };
  const arm = (): void => {
    timer?.[Symbol.dispose]();
    timer = undefined;
    if (!signal.aborted && ctx.config.probe) look();
  };

  return {
    arm,
    ask,
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}

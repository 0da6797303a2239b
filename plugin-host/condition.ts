/** What is watched of a generation: whether it is well, whether it fails too often, and whether anybody uses it any more. */
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import type { Generation } from "./generation.ts";

/** Throws `PLUGIN_UNHEALTHY`, and unloads it, when a generation is not well, unless the one that it is to replace is not either. */
export async function requireWell(next: Generation, present: Generation | undefined): Promise<void> {
  const { ok, detail = "not healthy" } = await next.health();
  if (ok || (present && !(await present.health()).ok)) return;
  await next.instance.unload();
  throw pluginErrors.PLUGIN_UNHEALTHY(`generation ${next.number} of ${next.plugin} reports: ${detail}`);
}

/** Told once, when the generation has more faults than it may while it is new. */
export function whenFailing(generation: Generation, told: (faults: number) => void): void {
  const { clock, limits } = generation;
  const since = clock.monotonic();
  generation.onFault = () => {
    const { faults, probationMs } = limits();
    if (generation.faults <= faults || clock.monotonic() - since > probationMs) return;
    generation.onFault = undefined;
    told(generation.faults);
  };
}

/** Until disposed, told whenever nothing has been inside the generation for so long. */
export function whenIdle(generation: Generation, ms: number, told: () => void): Disposable {
  let waiting: Disposable | undefined;
  generation.onEmpty = () => {
    waiting?.[Symbol.dispose]();
    if (generation.isIdle) waiting = generation.clock.after(ms, () => generation.isIdle && told());
  };
  generation.onEmpty();
  return {
    [Symbol.dispose]() {
      generation.onEmpty = undefined;
      waiting?.[Symbol.dispose]();
    },
  };
}

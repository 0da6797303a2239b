/** A process that uses a whole processor without end: it goes behind all others first, and is given up when that does not help. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { GatewayError } from "@pincer/plugin-sdk/error";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import type { PluginLimits } from "../limits.ts";
import { cpuOf, yieldToOthers } from "../sandbox/use.ts";

/** Of a processor's time from which on it counts as spinning. */
const wholeProcessor = 0.9;

/** Looks each time it is called; answers with why the process is to be ended. */
export function watchSpinning(
  pid: number,
  { manifest, clock, limits, log }: { readonly manifest: Manifest; readonly clock: Clock; readonly log: Logger; limits(): PluginLimits },
): () => GatewayError | undefined {
  let last = { at: clock.monotonic(), cpuMs: 0 };
  let busySince: number | undefined;
  let isBehind = false;
  return () => {
    const [now, cpuMs] = [clock.monotonic(), cpuOf(pid)];
    const [since, share] = [last.at, (cpuMs - last.cpuMs) / Math.max(1, now - last.at)];
    last = { at: now, cpuMs };
    if (share < wholeProcessor) {
      busySince = undefined;
      return undefined;
    }
    busySince ??= since;
    const { busyMs, spinMs } = limits();
    const busy = now - busySince;
    if (busyMs > 0 && busy >= busyMs && !isBehind) {
      isBehind = true;
      yieldToOthers(pid);
      log.warn("plugin.busy", { plugin: manifest.id, forMs: Math.round(busy), next: "it goes behind everything else on this machine" });
    }
    if (spinMs === 0 || busy < spinMs) return undefined;
    return pluginErrors.PLUGIN_STALLED(`${manifest.id} used a whole processor for ${Math.round(busy)} ms, and was ended`, {
      data: { plugin: manifest.id },
    });
  };
}

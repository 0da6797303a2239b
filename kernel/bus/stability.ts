/** What happened to the gateway lately: a bounded list of notes without payloads, and how late the event loop runs. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Note } from "@pincer/plugin-sdk/contracts/diagnostics";
import type { BusSettings } from "./settings.ts";

const samplesKept = 60;

export type Stability = ReturnType<typeof createStability>;

export function createStability(clock: Clock, settings: () => BusSettings) {
  const notes: Note[] = [];
  const delays: number[] = [];
  let made = 0;
  let sampledAt = clock.monotonic();
  let cpu = process.cpuUsage();
  let cpuCoreRatio = 0;

  const note = (type: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    notes.push({ ...fields, seq: ++made, ts: clock.now(), type });
    if (notes.length > settings().stabilityEvents) notes.shift();
  };

  const timer = clock.every(settings().loopSampleMs, () => {
    const { loopSampleMs, loopDelayMs } = settings();
    const elapsed = clock.monotonic() - sampledAt;
    const { user, system } = process.cpuUsage(cpu);
    cpuCoreRatio = (user + system) / 1_000 / Math.max(1, elapsed);
    sampledAt += elapsed;
    cpu = process.cpuUsage();
    const delay = Math.max(0, elapsed - loopSampleMs);
    if (delay >= loopDelayMs) note("event-loop.delay", { delayMs: Math.round(delay) });
    if (delays.push(delay) > samplesKept) delays.shift();
  });

  return {
    note,
    /** The newest, oldest first; `made` counts those that were forgotten too. */
    notes: () => ({ capacity: settings().stabilityEvents, made, notes: [...notes] }),
    /** As `health` and `/readyz` report it (`protocol` section 1.7). */
    eventLoop() {
      const sorted = delays.toSorted((a, b) => a - b);
      const delayP99Ms = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
      const { loopSampleMs: intervalMs, loopDelayMs } = settings();
      const reasons = delayP99Ms >= loopDelayMs ? ["event_loop_delay"] : [];
      const utilization = Math.min(1, cpuCoreRatio);
      return { degraded: reasons.length > 0, reasons, intervalMs, delayP99Ms, delayMaxMs: sorted.at(-1) ?? 0, utilization, cpuCoreRatio };
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}

/** The gateway's health (`protocol` section 1.7): measured when asked for and once a minute, remembered for every hello. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { BusSettings } from "./settings.ts";
import type { Stability } from "./stability.ts";

export type Parts = () => Promise<Readonly<Record<string, unknown>>>;

export interface Health extends Disposable {
  readonly latest: Readonly<Record<string, unknown>>;
  measure(): Promise<Readonly<Record<string, unknown>>>;
  /** Begins to measure regularly; `publish` is told of each. */
  start(publish: () => void): Promise<void>;
}

export function createHealth(parts: Parts, clock: Clock, settings: () => BusSettings, stability: Stability, log: Logger): Health {
  let latest: Readonly<Record<string, unknown>> = {};
  let timer: Disposable | undefined;

  const measure = async () => {
    const began = clock.monotonic();
    const rest = await parts();
    const durationMs = Math.round(clock.monotonic() - began);
    const frame = { ok: true, ts: clock.now(), durationMs, channels: {}, channelOrder: [], channelLabels: {}, heartbeatSeconds: 0 };
    latest = { ...frame, eventLoop: stability.eventLoop(), ...rest };
    return latest;
  };

  const refresh = () => measure().catch((error: unknown) => log.error("bus.health-failed", { error: errorMessage(error) }));

  return {
    get latest() {
      return latest;
    },
    measure,
    async start(publish) {
      await refresh();
      timer = clock.every(settings().healthMs, () => void refresh().then(publish));
    },
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}

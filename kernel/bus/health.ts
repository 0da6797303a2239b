/** The gateway's health (`protocol` section 1.7): measured when asked for and once a minute, remembered for every hello. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { BusContext } from "./context.ts";

export function createHealth({ clock, settings, stability, log, health: parts }: BusContext) {
  let latest: Readonly<Record<string, unknown>> = {};
  let first: Promise<unknown> | undefined;

  const measure = async () => {
    const began = clock.monotonic();
    const rest = await parts();
    const durationMs = Math.round(clock.monotonic() - began);
    const none = { channels: {}, channelOrder: [], channelLabels: {}, heartbeatSeconds: 0 };
    latest = { ok: true, ...none, ...rest, ts: clock.now(), durationMs, eventLoop: stability.eventLoop() };
    return latest;
  };
  const refresh = () => measure().catch((error: unknown) => log.error("bus.health-failed", { error: errorMessage(error) }));

  return {
    get latest() {
      return latest;
    },
    measure,
    /** When there is something to remember: a gateway is ready before it has looked at all its parts. */
    measured: async () => void (await first),
    /** Begins to measure regularly; `publish` is told of each but the first. */
    start(publish: () => void): Disposable {
      first = new Promise<void>((go) => setImmediate(go)).then(refresh);
      return clock.every(settings().healthMs, () => void refresh().then(publish));
    },
  };
}

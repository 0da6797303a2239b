/** The gateway's health (`protocol` section 1.7): measured when asked for and once a minute, remembered for every hello. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import { health } from "@pincer/plugin-sdk/wire/methods";
import type { BusContext } from "./context.ts";
import { bindMethod } from "./own-method.ts";

export function createHealth({ clock, settings, stability, log }: BusContext, parts: () => Promise<Readonly<Record<string, unknown>>>) {
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

  let first: Promise<unknown> | undefined;
  const refresh = () => measure().catch((error: unknown) => log.error("bus.health-failed", { error: errorMessage(error) }));

  return {
    get latest() {
      return latest;
    },
    measure,
    /** The kernel's own, since it must answer without any plugin. */
    method: bindMethod(health, measure),
    /** When there is something to remember: a gateway is ready before it has looked at all its parts. */
    measured: async () => void (await first),
    /** Begins to measure regularly; `publish` is told of each but the first. */
    start(publish: () => void): void {
      first = new Promise<void>((go) => setImmediate(go)).then(refresh);
      timer = clock.every(settings().healthMs, () => void refresh().then(publish));
    },
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}

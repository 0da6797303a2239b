import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { BusSettings } from "./settings.ts";
import type { createStability } from "./stability.ts";

/** What every part of the bus is given. */
export interface BusContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** Read at each use, so that a change of the configuration is live. */
  readonly settings: () => BusSettings;
  readonly stability: ReturnType<typeof createStability>;
  readonly phase: () => "starting" | "ready" | "stopping";
}

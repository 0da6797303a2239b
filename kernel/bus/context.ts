/** What the bus is given, and what its parts share. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { GatewayEvent } from "@pincer/plugin-sdk/event";
import type { EventSource, MethodSource, RouteSource } from "../../plugin-host/bindings.ts";
import type { Retention } from "../../store/retention.ts";
import type { Store } from "../../store/store.ts";
import type { Access } from "../access/access.ts";
import type { Connection } from "./connection.ts";
import type { BusSettings } from "./settings.ts";
import type { Stability } from "./stability.ts";

export interface BusDeps {
  readonly access: Pick<Access, "connect" | "request">;
  readonly plugins: {
    readonly methods: MethodSource;
    readonly routes: RouteSource;
    readonly events: EventSource;
    /** Told of every event, whoever may see it outside. */
    deliver(event: string, payload: () => unknown): void;
  };
  /** What the kernel announces. */
  readonly events: readonly GatewayEvent[];
  /** Migrated with `busMigrations`. */
  readonly store: Store;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly log: Logger;
  /** Read at each use, so that a change of the configuration is live. */
  readonly settings: () => BusSettings;
  /** Parts of `health` that the bus knows nothing of, or better than by default. */
  readonly health: () => Promise<Readonly<Record<string, unknown>>>;
  /** Further keys of hello's snapshot, such as `sessionDefaults`. */
  readonly snapshot: () => object;
  /** Takes note of a call that needed more than to read and write. */
  readonly audit: Access["audit"]["note"];
  readonly version: string;
  readonly bootId: string;
}

export interface BusContext extends BusDeps {
  /** Those that have been let in, by their id. */
  readonly connections: Map<string, Connection>;
  readonly stability: Stability;
  readonly phase: () => "starting" | "ready" | "stopping";
  readonly uptimeMs: () => number;
}

/** What an installation is given of whoever runs it: a gateway, or a command beside a home in which none runs. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Published } from "@pincer/registry/client/client";
import type { Static } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";
import type { ClientConfig } from "../config.ts";
import type { Dependencies } from "../dependencies/dependencies.ts";

import type { Sources } from "../sources/sources.ts";
import type { Settings } from "./home/settings.ts";
import type { Scanned } from "./package/scanned.ts";
export const Progress = Type.Object({
  id: Type.String(),
  step: Type.Union(
    (
      [
        "waiting",
        "fetching",
        "staging",
        "dependencies",
        "placing",
        "configuring",
        "trying",
        "settled",
        "locked",
        "removing",
        "done",
        "undone",
      ] as const
    ).map((step) => Type.Literal(step)),
  ),
  /** What the step says of itself. */
  detail: Type.Optional(Type.String()),
});
export type Progress = Static<typeof Progress>;

/** A gateway that runs with the home. */
export interface Running {
  /** Looks again at what is installed, also at what is tried. */
  refresh(signal: AbortSignal): Promise<void>;
  /** The version that is tried, beside the one that runs. Rejects when it does not load, or is not well; then the other one goes on. */
  reload(id: string, signal: AbortSignal): Promise<void>;
  setEnabled(id: string, enabled: boolean, signal: AbortSignal): Promise<void>;
  /** The ids of what is on. */
  enabled(signal: AbortSignal): Promise<readonly string[]>;
  /** What is wrong with it, if something is. */
  trouble(id: string, signal: AbortSignal): Promise<string | undefined>;
}

export interface Surroundings {
  /** The gateway's folder. */
  readonly home: string;
  /** The folder with the plugins of this repository. */
  readonly embedded: string;
  readonly settings: Settings;
  readonly sources: Sources;
  readonly scanned: Scanned;
  readonly dependencies: Pick<Dependencies, "install" | "fetch">;
  readonly config: ClientConfig;
  readonly running?: Running;
  readonly clock: Clock;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** When a release was first seen here; absent: what its publisher says of its age is believed. */
  readonly firstSeen?: (release: Published) => number;
  /** Told at the beginning of each step. */
  readonly progress: (progress: Progress) => void;
}

export const teller =
  ({ progress }: Pick<Surroundings, "progress">, id: string) =>
  (step: Progress["step"], detail?: string): void =>
    progress({ id, step, ...(detail !== undefined && { detail }) });

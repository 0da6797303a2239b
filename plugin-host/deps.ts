/** What the plugin host is given, and what its parts share. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { HandleOf } from "@pincer/plugin-sdk/contract";
import type { packageArchives } from "@pincer/plugin-sdk/contracts/package-archives";
import type { Emit } from "@pincer/plugin-sdk/event";
import type { JobRunner } from "@pincer/plugin-sdk/job";
import type { JsonObject } from "@pincer/plugin-sdk/json5";
import type { EnableWhen } from "@pincer/plugin-sdk/manifest";
import type { WireScope } from "@pincer/plugin-sdk/method";
import type { TSchema } from "@sinclair/typebox";
import type { Bundle, PluginFolder } from "./discovery.ts";
import type { Entered, Generation } from "./generation.ts";
import type { PluginLimits } from "./limits.ts";
import type { FoundConfinement } from "./sandbox/confinement.ts";
import type { KernelNames, Table } from "./table.ts";

/** The configuration, as far as plugins have a part in it. Paths are dotted. */
interface Settings {
  /** Until disposed, `owner` says what stands at the path. Throws `CONFIG_PATH_TAKEN`, `CONFIG_SCHEMA_UNSUPPORTED`. */
  declare(path: string, schema: TSchema, owner: string): Disposable;
  /** The present value at a path, with defaults, read at each call. */
  section<T>(path: string): () => T;
  /** What the operator wrote, without anybody's defaults. */
  current(): { readonly said: JsonObject };
  /** Called after a change of what stands at the path; at `""` after any change. */
  onChange(path: string, listener: (value: unknown) => void | Promise<void>): Disposable;
}

/** The lanes, as far as plugins run their jobs. */
interface Jobs {
  /** Until disposed, jobs of the kind begin here; a later handler takes its place. A job that runs, runs on where it began. */
  handle(kind: string, handler: JobRunner): Disposable;
  /** Aborts the running job, waits for its end, and runs it again from its journal under the handler that its kind then has. */
  restart(key: string, reason: unknown): Promise<void>;
}

export interface PluginHostDeps extends KernelNames {
  readonly home: string;
  readonly clock: Clock;
  /** A plugin's key-value store. */
  values(plugin: string): KeyValueStore;
  readonly settings: Settings;
  /** A kind is known from manifests, so that its owner is activated by its first job. */
  readonly jobs: Jobs;
  readonly folders: readonly PluginFolder[];
  /** Ids that are enabled unless the operator says otherwise. */
  readonly defaults: readonly string[];
  /** Whether anything that a manifest's `enableWhen` names was found. */
  found(when: EnableWhen): boolean;
  log(owner: string): Logger;
  emit: Emit;
  /** Calls a gateway method as the plugin, with these scopes and no others. */
  dispatch(
    method: string,
    params: unknown,
    as: { readonly plugin: string; readonly scopes: readonly WireScope[]; readonly signal: AbortSignal },
  ): Promise<unknown>;
  /** A secret that the operator granted to the plugin. */
  secret(name: string, plugin: string): Promise<string | undefined>;
  /** Writes `plugins.<id>.enabled` into the configuration; the host follows the change. */
  saveEnabled(plugin: string, enabled: boolean): Promise<void>;
  /** Brings a plugin's third-party code, at once when it is there. Answers with the folder that finds it, in which its code is. `from`: a plugin that has archives. */
  install(folder: string, told: (line: string) => void, from?: HandleOf<typeof packageArchives>): Promise<string>;
  /** What confines a process, in place of what this machine has. */
  readonly confinement?: () => Promise<FoundConfinement>;
  /** Absent: plugins run from their source. */
  readonly bundle?: Bundle;
  /** Read at each use. */
  limits(): PluginLimits;
}

/** How the parts of the host reach the plugins: who owns what at this moment, and a way into each. */
export interface Reach extends Pick<PluginHostDeps, "clock" | "limits"> {
  readonly log: Logger;
  table(): Table;
  /** The plugin's generation; none while it is not active. */
  present(plugin: string): Generation | undefined;
  /** Activates the plugin when needed, and counts a call on its present generation. `patient`: also where it pauses after a crash. */
  enter(plugin: string, what: string, patient?: AbortSignal): Entered | Promise<Entered>;
  /** Runs on the present generation, counted and blamed. No promise when the plugin is active and answers at once. */
  inside<T>(plugin: string, what: string, run: (generation: Generation) => T | Promise<T>, signal?: AbortSignal): T | Promise<T>;
}

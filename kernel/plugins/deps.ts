/** What the plugin host is given, and what it gives: the composition root and the testing kit build on these alone. */
import type { Facet, HealthReport, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Contract, HandleOf, ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { PluginInfo } from "@pincer/plugin-sdk/contracts/plugin-host";
import type { Hook, HookOutcome, HookPayload } from "@pincer/plugin-sdk/hook";
import type { Job } from "@pincer/plugin-sdk/job";
import type { EnableWhen } from "@pincer/plugin-sdk/manifest";
import type { WireScope } from "@pincer/plugin-sdk/method";
import type { TSchema } from "@sinclair/typebox";
import type { Emit, EventSource, MethodSource, RouteSource } from "../bus/bindings.ts";
import type { Store } from "../store/store.ts";
import type { Found, IsChecked } from "./discovery.ts";
import type { PluginLimits } from "./limits.ts";

/** `source`: `<path>/<id>/plugin.json`. `installed`: `<path>/<id>/<digest>/plugin.json`, immutable, the one that `<path>/<id>/current` names. */
export interface PluginFolder {
  readonly path: string;
  readonly layout: "source" | "installed";
  /** Its plugins are enabled unless the operator says otherwise. */
  readonly enabled?: boolean;
}

/** What lanes do for job kinds. A kind is known from manifests, so that its owner is activated by its first job. */
export interface JobTable {
  /** Until disposed, jobs of the kind are run by `run`; a job that runs when it is disposed runs on. */
  handle(kind: string, handler: { readonly journal: number; readonly concurrency?: number; run(job: Job): Promise<unknown> }): Disposable;
  /** Aborts the running job, waits for its end, and runs it again from its journal under the handler that its kind then has. */
  restart(key: string, reason: unknown): Promise<void>;
}

/** The part of the configuration room that plugins need. */
export interface PluginSettings {
  declare(path: string, schema: TSchema, owner: string): Disposable;
  /** The present value at a path, with defaults. */
  section<T>(path: string): () => T;
  onChange(path: string, listener: () => void | Promise<void>): Disposable;
}

export interface PluginHostDeps {
  readonly home: string;
  readonly clock: Clock;
  readonly store: Store;
  readonly settings: PluginSettings;
  readonly jobs: JobTable;
  readonly folders: readonly PluginFolder[];
  /** Ids that are enabled unless the operator says otherwise. */
  readonly defaults: readonly string[];
  /** Names of methods and events that are the kernel's own. */
  reserved(name: string): boolean;
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
  /** Brings a plugin's third-party code into its folder; at once when it is there. */
  install(folder: string, told: (line: string) => void): Promise<void>;
  /** Absent: plugins run from their source. */
  readonly bundle?: Bundle;
  /** Read a plugin's files again at each reload. */
  readonly dev?: boolean;
  /** Read at each use; the defaults when absent. */
  limits?(): PluginLimits;
}

/** What was built together with the gateway (`readBundle`). */
export interface Bundle {
  readonly isChecked: IsChecked;
  /** The file that was built from a plugin with exactly this manifest; undefined: it runs from its source. */
  entryOf(plugin: Found): string | undefined;
}

export interface PluginHost {
  readonly methods: MethodSource;
  readonly routes: RouteSource;
  readonly events: EventSource;
  /** Before `start`: the kernel's own implementation of a contract, for each plugin that uses it. */
  provide<C extends Contract>(contract: C, implement: (plugin: string) => ImplementationOf<C>): void;
  /** What the kernel itself uses of plugins: as a plugin's `ctx.uses`. */
  handle<C extends Contract>(contract: C): HandleOf<C>;
  run<H extends Hook>(hook: H, payload: HookPayload<H>, options?: { readonly signal?: AbortSignal }): Promise<HookOutcome<H>>;
  /** Hands an event of the bus to the plugins that listen to it. */
  deliver(event: string, payload: () => unknown): void;
  facets(): ReadonlyMap<string, Facet & { readonly plugin: string }>;
  commands(): ReadonlyMap<string, { readonly plugin: string; readonly summary: string; readonly usage: string }>;
  /** Activates what wants to be active from the start. A plugin that fails is listed with its error, and stops nobody else. */
  start(): Promise<void>;
  activate(id: string): Promise<void>;
  /** A new generation beside the present one. Rejects, with file, line and reason where known, when the present one stays. */
  reload(id: string): Promise<{ readonly generation: number; readonly visibleMs: number }>;
  setEnabled(id: string, enabled: boolean): Promise<void>;
  /** Looks again at what is enabled, after what `found` says may have changed. */
  refresh(): Promise<void>;
  list(): readonly PluginInfo[];
  /** Throws `PLUGIN_UNKNOWN`. */
  inspect(id: string): PluginInfo;
  /** Of every active plugin that reports its health. */
  health(): Promise<Readonly<Record<string, HealthReport>>>;
  /** Drains and unloads everything; names in the log what did not end in time. */
  stop(): Promise<void>;
}

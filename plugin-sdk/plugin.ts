/** What a plugin exports, and what its `setup` is given. Everything registered through the context belongs to the plugin's lifetime and is undone last-first at unload; there is no way to unregister. */
import type { Static, TObject, TSchema } from "@sinclair/typebox";
import type { Clock } from "./clock.ts";
import type { Contract, HandlesOf, ImplementationOf, RecordOf, Uses } from "./contract.ts";
import type { EmitOptions, GatewayEvent, PayloadOf } from "./event.ts";
import type { Hook, HookAnswer, HookHandler, HookPayload } from "./hook.ts";
import type { JobHandler, JobKind } from "./job.ts";
import type { Method, MethodHandler, ParamsOf, ResultOf, WireScope } from "./method.ts";

export interface Logger {
  debug(event: string, fields?: Readonly<Record<string, unknown>>): void;
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Namespaced by plugin. Values are JSON, at most 1 MB each. */
export interface KeyValueStore {
  get<T>(key: string): Promise<T | undefined>;
  list<T>(prefix: string): Promise<readonly { readonly key: string; readonly value: T }[]>;
  /** Applies every change in one transaction; `undefined` deletes. */
  set(changes: Readonly<Record<string, unknown>>): Promise<void>;
}

export interface HealthReport {
  readonly ok: boolean;
  readonly detail?: string;
  /** What the method `health` says of the plugin's business, such as `channels`. JSON; the gateway's own keys win. */
  readonly parts?: Readonly<Record<string, unknown>>;
}

/** A column that a plugin adds to session rows, so that the kernel needs no idea of a model. */
export interface Facet<S extends TSchema = TSchema> {
  readonly schema: S;
  readonly summary: string;
  /** Scope that `sessions.patch` needs to set it; absent when only the plugin sets it. */
  readonly patch?: WireScope;
}

/** What a plugin keeps in memory, on its way to the generation that takes its place at a reload or an upgrade. */
export interface StateKeeper<S extends TSchema> {
  /**
   * What is to be handed over: JSON of the schema, at most 1 MiB. While it is asked for no call runs in the plugin and none comes in, and its
   * services have ended; from then on this generation changes nothing any more.
   */
  snapshot(): Static<S> | Promise<Static<S>>;
  /**
   * Takes over what the generation before gave, before anything comes in: it replaces what is there, since a generation whose successor failed is
   * given the state back. A throw leaves the generation before in place.
   */
  restore(state: Static<S>): void | Promise<void>;
}

export interface CommandIo {
  /** Sends a gateway method over the caller's own connection. */
  call(method: string, params?: unknown): Promise<unknown>;
  /** From when it resolves until the command ends, tells it of that event of the gateway. */
  on(event: string, listener: (payload: unknown) => void): Promise<void>;
  /** The folder of the gateway that the command is about, whether it runs or not. */
  readonly home: string;
  print(line: string): void;
  /** The answer: the value with --json, else the text. */
  result(value: unknown, text: string): void;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** A subcommand of `pincer`. Runs in the CLI's process, if its code is trusted that far. Returns the exit code. */
export interface Command {
  /** One word or two: `channels status`. */
  readonly name: string;
  readonly summary: string;
  /** Positional arguments and flags, `<needed> [maybe] [many...] [--flag] [--flag <value>]`; empty: it takes none. */
  readonly usage: string;
  /** What each flag of the usage does, in a sentence without its end; all of them, and no other. */
  readonly flags?: Readonly<Record<string, string>>;
  /** What the commands are about that share the first word; one of them says it. */
  readonly family?: string;
}

export interface CommandDefinition {
  readonly command: Command;
  /** Answers the exit code: one of `command/exit`. */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

export interface RouteOptions {
  /** `"token"`: the bus has checked the bearer token before the handler runs. `"open"`: anyone who reaches the port. */
  readonly access: "token" | "open";
}

export interface PluginContext<Config = unknown, U extends Uses = Uses> {
  readonly id: string;
  readonly version: string;
  /** The current snapshot; a live change is seen at the next read. */
  readonly config: Config;
  /** Called after a live change of this plugin's configuration has been applied. */
  onConfig(listener: (config: Config) => void | Promise<void>): void;
  readonly uses: HandlesOf<U>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Aborts when unloading begins, before any cleanup runs. */
  readonly signal: AbortSignal;
  /**
   * The gateway's home folder, for default paths; only what `permissions.files` names may be touched there. In a process of its own a plugin
   * does not see it: there it is `dataDir`.
   */
  readonly home: string;
  /** A folder of this plugin's own, created on first use. */
  readonly dataDir: string;
  readonly store: KeyValueStore;

  provide<C extends Contract>(contract: C, name: string, record: RecordOf<C>, implementation: NoInfer<ImplementationOf<C>>): void;
  method<M extends Method>(method: M, handler: MethodHandler<M>): void;
  /** Declares an event that this plugin may emit. */
  event(event: GatewayEvent): void;
  emit<E extends GatewayEvent>(event: E, payload: PayloadOf<E>, options?: EmitOptions): void;
  /** Listens to an event of the gateway's bus. */
  on<E extends GatewayEvent>(event: E, listener: (payload: PayloadOf<E>) => void | Promise<void>): void;
  /** Calls a gateway method, within `permissions.scopes` of the manifest. */
  call<M extends Method>(method: M, params: ParamsOf<M>, options?: { readonly signal?: AbortSignal }): Promise<ResultOf<M>>;
  hook<H extends Hook>(hook: H, handler: HookHandler<H>, options?: { readonly order?: number }): void;
  /** Runs a hook over every handler of every plugin; from a process of its own only one whose id begins with the plugin's and a dot. */
  run<H extends Hook>(hook: H, payload: HookPayload<H>, options?: { readonly signal?: AbortSignal }): Promise<HookAnswer<H>>;
  job<K extends JobKind>(kind: K, handler: JobHandler<K>): void;
  /** A path prefix such as `/v1`; HTTP only. The most specific prefix wins. */
  route(prefix: string, options: RouteOptions, handler: (request: Request) => Response | Promise<Response>): void;
  /** Background work from activation to unload; restarted with backoff when it throws. */
  service(name: string, run: (signal: AbortSignal) => Promise<void>): void;
  command(command: Command, run: CommandDefinition["run"]): void;
  facet<S extends TSchema>(name: string, facet: Facet<S>): void;
  health(check: () => Promise<HealthReport>): void;
  /** Hands what is kept in memory to the next generation, once; what must outlive a crash or a restart belongs in `store`. */
  state<S extends TSchema>(schema: S, keeper: StateKeeper<S>): void;
  /**
   * The value of a secret that the manifest names; `undefined` when there is none, or the operator has not granted it. What `setup` asks for is held:
   * when it changes, a new generation begins.
   */
  secret(name: string): Promise<string | undefined>;
  /** `fetch` limited to the hosts that the manifest declares. */
  readonly fetch: typeof fetch;
  /** Ties a resource's life to the plugin's and hands it back. */
  own<T extends Disposable | AsyncDisposable>(resource: T): T;
  onUnload(cleanup: () => void | Promise<void>): void;
}

export interface PluginDefinition<C extends TObject = TObject, U extends Uses = Uses> {
  /** Schema of the plugin's configuration, with defaults and UI hints; `pincer plugin build` copies it to the manifest. */
  readonly config?: C;
  readonly uses?: U;
  /** Registers what the plugin offers. Module top level does nothing; `setup` does no work that a recording run could not repeat. */
  setup(ctx: PluginContext<Static<C>, U>): void | Promise<void>;
}

/** An identity function that exists for inference. */
export const definePlugin = <C extends TObject = TObject, const U extends Uses = Record<never, never>>(
  definition: PluginDefinition<C, U>,
): PluginDefinition<C, U> => definition;

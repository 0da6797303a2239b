/** What one `setup` registered, in the form of a manifest's generated half, so that the two can be held against each other. */
import type { TSchema } from "@sinclair/typebox";
import type { Contract, Io } from "../contract.ts";
import type { GatewayEvent } from "../event.ts";
import type { Hook } from "../hook.ts";
import type { Job, JobKind } from "../job.ts";
import type { Generated } from "../manifest.ts";
import type { Method, MethodCall } from "../method.ts";
import type { Command, CommandIo, Facet, HealthReport, PluginDefinition, RouteOptions } from "../plugin.ts";
import { pluginErrors } from "../plugin-errors.ts";

/** An implementation whose contract is known only at run time. */
export type Implementation = Readonly<Record<string, ((params: unknown, io: Io) => unknown) | undefined>>;

interface Kinds {
  provides: { readonly contract: Contract; readonly record: unknown; readonly implementation: Implementation };
  methods: { readonly method: Method; handler(params: unknown, call: MethodCall): unknown };
  emits: GatewayEvent;
  /** `event`: as the plugin's own code has it. */
  listens: { readonly event?: GatewayEvent; listener(payload: unknown): unknown };
  routes: RouteOptions & { handler(request: Request): Response | Promise<Response> };
  jobs: { readonly kind: JobKind; handler(job: Job): Promise<unknown> };
  hooks: { readonly hook: Hook; readonly order: number | undefined; handler(payload: unknown, io: Io): unknown };
  commands: Command & { run(args: readonly string[], io: CommandIo): Promise<number> };
  facets: Facet;
  health: { check(): Promise<HealthReport> };
  state: { readonly schema: TSchema; snapshot(): unknown; restore(state: unknown): unknown };
}
type Kind = keyof Kinds;

export class Registrations {
  readonly #all: { readonly [K in Kind]: Map<string, Kinds[K]> } = {
    provides: new Map(),
    methods: new Map(),
    emits: new Map(),
    listens: new Map(),
    routes: new Map(),
    jobs: new Map(),
    hooks: new Map(),
    commands: new Map(),
    facets: new Map(),
    health: new Map(),
    state: new Map(),
  };

  add<K extends Kind>(kind: K, name: string, registration: Kinds[K]): void {
    if (this.#all[kind].has(name)) throw pluginErrors.PLUGIN_DUPLICATE(`${kind} ${name} is registered twice`);
    this.#all[kind].set(name, registration);
  }

  get<K extends Kind>(kind: K, name: string): Kinds[K] | undefined {
    return this.#all[kind].get(name);
  }

  all<K extends Kind>(kind: K): ReadonlyMap<string, Kinds[K]> {
    return this.#all[kind];
  }

  /** What a manifest declares. Throws `PLUGIN_REPLACED` when a swap has come since the manifest was read. */
  required<K extends Kind>(kind: K, name: string): Kinds[K] {
    const found = this.#all[kind].get(name);
    if (!found) throw pluginErrors.PLUGIN_REPLACED(`${kind} ${name} is no more: its plugin was replaced by a generation without it`);
    return found;
  }

  /** As `generated` of a manifest: plain JSON, names in order. */
  describe({ uses = {}, config }: PluginDefinition): Generated {
    const all = this.#all;
    const table = <V>(map: Iterable<readonly [string, V]>, of: (value: V) => unknown) => {
      const rows = [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, of(value)]);
      return rows.length === 0 ? undefined : Object.fromEntries(rows);
    };
    const used = Object.values(uses).map((use) =>
      "optional" in use ? { contract: use.optional, optional: true } : { contract: use, optional: undefined },
    );
    const provided = Map.groupBy(all.provides, ([name]) => name.slice(0, name.indexOf("/")));
    const found = {
      uses: table(
        used.map((use) => [use.contract.id, use] as const),
        ({ contract: { version, arity }, optional }) => ({ version, arity, optional }),
      ),
      provides: table(provided, (names) =>
        table(
          names.map(([name, registration]) => [name.slice(name.indexOf("/") + 1), registration] as const),
          ({ contract: { version, arity, members }, record, implementation }) => {
            const optional = Object.keys(members).filter((member) => members[member]?.optional && implementation[member]);
            return { version, arity, record, ...(optional.length === 0 ? {} : { optional }) };
          },
        ),
      ),
      methods: table(all.methods, ({ method: { summary, scope, params, result, accepted, idempotency } }) => ({
        summary,
        scope: typeof scope === "string" ? scope : scope.least,
        dynamic: typeof scope === "object" || undefined,
        params,
        result,
        accepted,
        idempotency,
      })),
      emits: table(all.emits, ({ summary, scope, payload, dropIfSlow }) => ({ summary, scope, payload, dropIfSlow })),
      listens: all.listens.size === 0 ? undefined : [...all.listens.keys()].sort(),
      routes: table(all.routes, ({ access }) => ({ access })),
      jobs: table(all.jobs, ({ kind: { journal, concurrency, input, result } }) => ({ journal, concurrency, input, result })),
      hooks: table(all.hooks, ({ hook: { kind }, order }) => ({ kind, order })),
      commands: table(all.commands, ({ summary, usage, flags, family }) => ({ summary, usage, flags, family })),
      facets: table(all.facets, ({ summary, schema, patch }) => ({ summary, schema, patch })),
      health: all.health.size > 0 || undefined,
      state: all.state.get("state")?.schema,
      config,
    };
    return JSON.parse(JSON.stringify(found));
  }
}

/** Throws `PLUGIN_UNDECLARED` or `PLUGIN_MISSING`, which name the things: the manifest is what everybody else has read. */
export function compareGenerated(id: string, declared: Generated, registered: Generated): void {
  const [said, done] = [flatten(declared), flatten(registered)];
  const told = (names: readonly string[]) => `${names.join(", ")} (run "pincer plugin build" for ${id})`;
  const undeclared = [...done]
    .filter(([name, value]) => !Bun.deepEquals(said.get(name), value))
    .map(([name]) => (said.has(name) ? `${name} otherwise than declared` : name));
  if (undeclared.length > 0)
    throw pluginErrors.PLUGIN_UNDECLARED(`${id} registered what its manifest does not declare: ${told(undeclared)}`);
  const missing = [...said.keys()].filter((name) => !done.has(name));
  if (missing.length > 0) throw pluginErrors.PLUGIN_MISSING(`${id} did not register what its manifest declares: ${told(missing)}`);
}

/** Sections that are no table of names. */
const whole = new Set(["health", "state", "config"]);

function flatten(generated: Generated): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [section, value] of Object.entries(generated)) {
    if (whole.has(section)) flat.set(section, value);
    else if (Array.isArray(value)) for (const name of value) flat.set(`${section} ${name}`, true);
    else
      for (const [name, entry] of Object.entries(value)) {
        if (section === "provides")
          for (const [as, provided] of Object.entries(entry as object)) flat.set(`provides ${name}/${as}`, provided);
        else flat.set(`${section} ${name}`, entry);
      }
  }
  return flat;
}

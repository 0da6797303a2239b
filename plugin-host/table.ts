/** Who owns what, from manifests alone. A table never changes: a swap replaces it by another in one assignment. */
import type { Facet } from "@pincer/plugin-sdk";
import type { Arity } from "@pincer/plugin-sdk/contract";
import type { GatewayError } from "@pincer/plugin-sdk/error";
import type { GatewayEvent } from "@pincer/plugin-sdk/event";
import type { Generated, Manifest } from "@pincer/plugin-sdk/manifest";
import type { WireScope } from "@pincer/plugin-sdk/method";
import { refusedEvent } from "@pincer/plugin-sdk/permissions";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { reviveSchema } from "@pincer/plugin-sdk/schema";

/** What is the kernel's own, and no plugin's. */
export interface KernelNames {
  /** Names of methods and events. */
  reserved(name: string): boolean;
  /** Who may be told of an event. */
  scopeOf(event: string): GatewayEvent["scope"] | undefined;
}

/** Names that only one plugin may own. */
const exclusive = ["methods", "emits", "routes", "jobs", "commands", "facets"] as const;
type Exclusive = (typeof exclusive)[number];
type Owned<K extends Exclusive> = NonNullable<Generated[K]>[string] & { readonly plugin: string; readonly isTrusted: boolean };

/** Where a plugin that nobody trusts may serve: everywhere else stand the page, and what others own or will. */
const isOwnPath = (plugin: string, path: string) => path === `/plugins/${plugin}` || path.startsWith(`/plugins/${plugin}/`);

/** One provider of a contract. */
export interface Provision {
  readonly plugin: string;
  readonly name: string;
  readonly version: number;
  readonly arity: Arity;
  readonly record: unknown;
  readonly optional?: readonly string[] | undefined;
  readonly rank: number;
  readonly isTrusted: boolean;
  /** What the plugin's manifest permits it. */
  readonly scopes: readonly WireScope[];
}

export class Table {
  readonly #owned = Object.fromEntries(exclusive.map((kind) => [kind, new Map()])) as { readonly [K in Exclusive]: Map<string, Owned<K>> };
  readonly #listens = new Map<string, Manifest[]>();
  readonly #hooks = new Map<string, { readonly plugin: string; readonly order: number }[]>();
  readonly #provides = new Map<string, Provision[]>();
  #facets: ReadonlyMap<string, Facet & { readonly plugin: string }> | undefined;
  /** Longest first. */
  readonly #prefixes: readonly string[];
  /** By plugin: why it is left out, or not told of an event that it listens to. */
  readonly #refusals = new Map<string, GatewayError>();

  /** Earlier manifests win a name that two declare; the kernel's names are nobody's. */
  constructor(manifests: readonly Manifest[], { reserved, scopeOf }: KernelNames, isTrusted: (plugin: string) => boolean) {
    for (const manifest of manifests) {
      const { id, generated = {} } = manifest;
      const trusted = isTrusted(id);
      const conflict = this.#conflict(generated, reserved);
      const elsewhere = trusted ? undefined : Object.keys(generated.routes ?? {}).find((path) => !isOwnPath(id, path));
      if (conflict) this.#refusals.set(id, pluginErrors.PLUGIN_CONFLICT(`${id} declares ${conflict}`));
      else if (elsewhere)
        this.#refusals.set(id, pluginErrors.PLUGIN_PERMISSION(`${id} serves ${elsewhere}, and may only below /plugins/${id}`));
      else this.#add(manifest, generated, trusted);
    }
    for (const handlers of this.#hooks.values()) handlers.sort((a, b) => a.order - b.order || (a.plugin < b.plugin ? -1 : 1));
    // What goes by names keeps them, whatever rank somebody from elsewhere gives himself.
    const named = ({ arity, isTrusted }: Provision) => Number(arity === "many" && isTrusted);
    for (const provisions of this.#provides.values())
      provisions.sort((a, b) => named(b) - named(a) || b.rank - a.rank || (a.plugin < b.plugin ? -1 : 1));
    for (const [event, listening] of this.#listens) this.#listens.set(event, this.#hearing(event, scopeOf(event), listening));
    this.#prefixes = [...this.#owned.routes.keys()].sort((a, b) => b.length - a.length);
  }

  get = <K extends Exclusive>(kind: K, name: string): Owned<K> | undefined => this.#owned[kind].get(name);
  all = <K extends Exclusive>(kind: K): ReadonlyMap<string, Owned<K>> => this.#owned[kind];
  /** Why no generation of the plugin may be activated. */
  refusal = (plugin: string): GatewayError | undefined => this.#refusals.get(plugin);
  /** With schemas that check, made when first asked for. */
  get facets(): ReadonlyMap<string, Facet & { readonly plugin: string }> {
    const revived = () =>
      this.#owned.facets.entries().map(([name, facet]) => [name, { ...facet, schema: reviveSchema(facet.schema) }] as const);
    this.#facets ??= new Map(revived());
    return this.#facets;
  }
  listeners = (event: string): readonly string[] => (this.#listens.get(event) ?? []).map(({ id }) => id);
  handlers = (hook: string): readonly { readonly plugin: string }[] => this.#hooks.get(hook) ?? [];
  /** The most preferred first. */
  providers = (contract: string): readonly Provision[] => this.#provides.get(contract) ?? [];
  /** The longest prefix that ends where a part of the path ends. */
  prefixOf = (path: string): string | undefined =>
    this.#prefixes.find((prefix) => path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`));

  #conflict(generated: Generated, reserved: (name: string) => boolean): string | undefined {
    for (const kind of exclusive) {
      for (const name of Object.keys(generated[kind] ?? {})) {
        const isKernels = (kind === "methods" || kind === "emits") && reserved(name);
        const owner = this.#owned[kind].get(name)?.plugin ?? (isKernels ? "the kernel" : undefined);
        if (owner) return `${kind} ${name}, which belongs to ${owner}`;
      }
    }
    return undefined;
  }

  /** Whoever declares an event says who may be told; what a listener's own copy of it says counts for nothing. */
  #hearing(name: string, kernels: GatewayEvent["scope"] | undefined, listening: readonly Manifest[]): Manifest[] {
    const { plugin, scope = kernels } = this.#owned.emits.get(name) ?? {};
    return listening.filter(({ id, permissions: { scopes = [] } = {} }) => {
      if (id === plugin) return true;
      const refusal = scope && refusedEvent(id, scopes, { name, scope });
      if (refusal) this.#refusals.set(id, refusal);
      return scope !== undefined && !refusal;
    });
  }

  #add(manifest: Manifest, generated: Generated, isTrusted: boolean): void {
    const { id: plugin, rank = 0, order = 0, permissions: { scopes = [] } = {} } = manifest;
    for (const kind of exclusive) {
      const owned: Map<string, unknown> = this.#owned[kind];
      for (const [name, entry] of Object.entries(generated[kind] ?? {})) owned.set(name, { ...entry, plugin, isTrusted });
    }
    for (const event of generated.listens ?? []) listOf(this.#listens, event).push(manifest);
    for (const [hook, entry] of Object.entries(generated.hooks ?? {}))
      listOf(this.#hooks, hook).push({ plugin, order: entry.order ?? order });
    for (const [contract, names] of Object.entries(generated.provides ?? {}))
      for (const [name, provided] of Object.entries(names))
        listOf(this.#provides, contract).push({ ...provided, plugin, name, rank, isTrusted, scopes });
  }
}

const listOf = <V>(map: Map<string, V[]>, key: string): V[] => map.get(key) ?? map.set(key, []).get(key)!;

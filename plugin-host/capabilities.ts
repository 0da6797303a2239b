/** Handles of contracts: stable for ever, resolved at each call to the newest generation of whoever provides the contract then. */
import type { Contract, HandleOf, ImplementationOf, Providers } from "@pincer/plugin-sdk/contract";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import type { WireScope } from "@pincer/plugin-sdk/method";
import { refusedUse } from "@pincer/plugin-sdk/permissions";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { bindMembers } from "@pincer/plugin-sdk/runtime/members";
import type { Provisions } from "@pincer/plugin-sdk/runtime/process-protocol";
import type { Implementation } from "@pincer/plugin-sdk/runtime/registrations";
import { Type } from "@sinclair/typebox";
import type { Reach } from "./deps.ts";
import type { Entered } from "./generation.ts";
import type { Provision } from "./table.ts";

interface User {
  readonly id: string;
  /** What it may use of the contracts that give power over the gateway; absent: all. */
  readonly scopes?: readonly WireScope[];
  /** Throws `PLUGIN_UNLOADED` when the user's own generation is gone. */
  assertLive(): void;
}

interface KernelProvision {
  readonly contract: Contract;
  implement(plugin: string): Implementation;
}

export class Capabilities {
  readonly #kernel = new Map<string, KernelProvision>();
  /** Contract id -> what whoever provides or uses it must name, by the word of the kernel, which relies on whoever provides it. */
  readonly #powers = new Map<string, WireScope>();

  constructor(
    private readonly reach: Reach,
    /** The operator's choice for a `one` contract: a plugin's id, or the name under which it provides. */
    private readonly chosen: (contract: string) => string | undefined,
  ) {}

  provide<C extends Contract>(contract: C, implement: (plugin: string) => ImplementationOf<C>): void {
    const made = new Map<string, Implementation>();
    const once = (plugin: string) => made.get(plugin) ?? made.set(plugin, implement(plugin) as Implementation).get(plugin)!;
    this.#kernel.set(contract.id, { contract, implement: once });
  }

  /** Whether a plugin that needs the contract could call it. */
  isProvided = ({ id, version }: Pick<Contract, "id" | "version">): boolean =>
    this.#kernel.get(id)?.contract.version === version || this.#find(id, version) !== undefined;

  /** The kernel's own handle of what plugins provide. Before any plugin has one. */
  rely<C extends Contract>(contract: C): HandleOf<C> {
    if (contract.scope) this.#powers.set(contract.id, contract.scope);
    return this.handle(contract, { id: "kernel", assertLive: () => undefined });
  }

  /** Throws `PLUGIN_PERMISSION`. */
  handle<C extends Contract>(contract: C, user: User): HandleOf<C> {
    const own = this.#permitted(contract.id, user);
    const handle = own ? this.#kernels(own, user) : contract.arity === "one" ? this.#bind(contract, user) : this.#providers(contract, user);
    return handle as HandleOf<C>;
  }

  /** As `handle`, for a plugin in a process of its own, which names a contract instead of holding one: checked by the provider's. */
  async use(contract: string, version: number, name: string | undefined, user: User, patient?: AbortSignal): Promise<Implementation> {
    const own = this.#permitted(contract, user);
    if (own?.contract.version === version) return this.#kernels(own, user) as Implementation;
    const wanted: Contract = { id: contract, version, arity: name === undefined ? "one" : "many", record: Type.Unknown(), members: {} };
    const provision = this.#find(contract, version, name);
    if (!provision) throw this.#missing(wanted, name);
    const { generation, leave } = await this.reach.enter(provision.plugin, contract, patient);
    const provided = generation.registered.get("provides", `${contract}/${provision.name}`);
    leave();
    if (!provided) throw this.#missing(wanted, name);
    return this.#bind(provided.contract, user, name) as Implementation;
  }

  /** Who provides what the manifest says that the plugin uses, for a process that must know without asking. */
  provisionsFor({ generated }: Manifest, user: User): Provisions {
    const rows = Object.entries(generated?.uses ?? {}).map(([id, { version, arity }]) => {
      const own = this.#kernel.get(id);
      if (own?.contract.version === version) {
        const made = own.implement(user.id);
        const optional = Object.keys(own.contract.members).filter((member) => own.contract.members[member]?.optional && made[member]);
        return [id, [{ name: "kernel", plugin: "kernel", record: {}, optional }]] as const;
      }
      const found = arity === "one" ? [this.#find(id, version) ?? []].flat() : this.#matching(id, version);
      return [id, found.map(({ name, plugin, record, optional = [] }) => ({ name, plugin, record, optional }))] as const;
    });
    return Object.fromEntries(rows);
  }

  /** The kernel's own of a contract, if it has one. Throws `PLUGIN_PERMISSION` when the user lacks the scope that the contract asks for. */
  #permitted(contract: string, { id, scopes }: User): KernelProvision | undefined {
    const own = this.#kernel.get(contract);
    const scope = own ? own.contract.scope : this.#powers.get(contract);
    const refusal = scope && scopes && refusedUse(id, scopes, { id: contract, scope });
    if (refusal) throw refusal;
    return own;
  }

  /** By the kernel's own word, also for what a call may carry: a plugin's copy of a contract may say anything. */
  #kernels({ contract, implement }: KernelProvision, { id, assertLive }: User): unknown {
    return bindMembers(contract, contract.id, {
      has: (member) => implement(id)[member] !== undefined,
      resolve: () => {
        assertLive();
        return { implementation: implement(id), leave: () => undefined, blame: (error) => error };
      },
    });
  }

  #providers<C extends Contract>(contract: C, user: User): Providers<C> {
    const bound = new Map<string, ImplementationOf<C>>();
    return {
      list: () => {
        const seen = new Set<string>();
        const rows = this.#matching(contract.id, contract.version).filter(({ name }) => !seen.has(name) && seen.add(name));
        return rows.map(({ name, plugin, record }) => ({ name, plugin, record: record as never }));
      },
      get: (name) => {
        if (!this.#find(contract.id, contract.version, name)) throw this.#missing(contract, name);
        return bound.get(name) ?? bound.set(name, this.#bind(contract, user, name)).get(name)!;
      },
    };
  }

  #bind<C extends Contract>(contract: C, user: User, name?: string): ImplementationOf<C> {
    const find = () => this.#find(contract.id, contract.version, name);
    return bindMembers(contract, name ?? contract.id, {
      has: (member) => find()?.optional?.includes(member) ?? false,
      requireName: (wanted, own) => {
        const owner = this.#all(wanted.contract).find(({ name }) => name === own)?.plugin;
        if (user.scopes === undefined || owner === user.id) return;
        const whose = `${wanted.contract} ${JSON.stringify(own)}, which ${owner ?? "nobody"} provides`;
        throw pluginErrors.PLUGIN_PERMISSION(`${user.id} speaks as the ${whose}`);
      },
      resolve: (what, patient) => {
        user.assertLive();
        const provision = find();
        if (!provision) throw this.#missing(contract, name);
        const target = ({ generation: { registered, blame, lease, isEnd }, leave }: Entered) => {
          const provided = registered.get("provides", `${contract.id}/${provision.name}`);
          if (provided) return { implementation: provided.implementation, leave, blame, lease, isEnd };
          leave(); // a version without it came while the plugin was being activated
          throw this.#missing(contract, name);
        };
        const entered = this.reach.enter(provision.plugin, what, patient);
        return entered instanceof Promise ? entered.then(target) : target(entered);
      },
    });
  }

  #mayProvide = (contract: string, { scopes }: Provision): boolean =>
    [this.#powers.get(contract) ?? []].flat().every((scope) => scopes.includes(scope));

  #all = (contract: string): readonly Provision[] => this.reach.table().providers(contract);

  #fits = (contract: string, version: number, found: Provision): boolean => found.version === version && this.#mayProvide(contract, found);

  #matching = (contract: string, version: number) => this.#all(contract).filter((found) => this.#fits(contract, version, found));

  #find(contract: string, version: number, name?: string): Provision | undefined {
    const wanted = name ?? this.chosen(contract);
    const isWanted = (found: Provision) => found.name === wanted || (name === undefined && found.plugin === wanted);
    return this.#all(contract).find((found) => this.#fits(contract, version, found) && (wanted === undefined || isWanted(found)));
  }

  #missing({ id, version }: Contract, name?: string) {
    const chosen = name === undefined ? this.chosen(id) : undefined;
    const others = this.#all(id).map((other) => {
      const why = this.#mayProvide(id, other) ? "" : `, whose permissions.scopes must name ${this.#powers.get(id)}`;
      return `${other.name} (${other.plugin}, version ${other.version}${why})`;
    });
    const what = `${id} version ${version}${name === undefined ? "" : ` called "${name}"`}${chosen ? `, for which capabilities.${id} names ${chosen}` : ""}`;
    return pluginErrors.CAPABILITY_MISSING(`no enabled plugin provides ${what}; there are: ${others.join(", ") || "none"}`);
  }
}

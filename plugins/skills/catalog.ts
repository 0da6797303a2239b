/** The skills that an agent has: of all folders, by precedence, with what keeps one from being used. */
import { mkdirSync } from "node:fs";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { AgentInfo } from "@pincer/plugin-sdk/contracts/router";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { SkillEntry, SkillsConfig } from "./config.ts";
import { type FoundSkill, type KnownSkill, SkillFolder } from "./folder.ts";
import { type Missing, missingOf, reasonsOf, type Surroundings } from "./requirements.ts";
import { type Root, rootsOf, sharedRootsOf } from "./roots.ts";
import type { SkillsContext } from "./uses.ts";

export interface ListedSkill extends FoundSkill {
  readonly key: string;
  readonly entry: SkillEntry;
  readonly isDisabled: boolean;
  /** The agent's list, or the one of those that ship with Pincer, leaves it out. */
  readonly isLeftOut: boolean;
  readonly missing: Missing;
  /** Why it cannot be used, in words; empty: it can. */
  readonly reasons: readonly string[];
  /** Another of that name stands behind it, in this folder. */
  readonly hides?: string;
}

export interface UsableSkill extends ListedSkill {
  readonly skill: KnownSkill;
}

export interface View {
  readonly agent: AgentInfo;
  readonly all: readonly ListedSkill[];
  /** By name. */
  readonly usable: ReadonlyMap<string, UsableSkill>;
}

interface Wanted {
  readonly programs: readonly string[];
  readonly variables: readonly string[];
  /** Whether one asks for something in the configuration, all of which is shown at a time. */
  readonly isConfigured: boolean;
}

const wantedBy = (found: readonly FoundSkill[]): Wanted => {
  const requires = found.flatMap(({ skill }) => (skill === undefined ? [] : [skill.runtime.requires]));
  return {
    programs: [...new Set(requires.flatMap(({ bins, anyBins }) => [...bins, ...anyBins]))],
    variables: [...new Set(requires.flatMap(({ env }) => env))],
    isConfigured: requires.some(({ config }) => config.length > 0),
  };
};

const nothing: Missing = { bins: [], anyBins: [], env: [], config: [], os: [] };

export class Catalog {
  readonly #ctx: SkillsContext;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #folders = new Map<string, SkillFolder>();
  readonly #views = new Map<string, { readonly from: readonly unknown[]; readonly view: View }>();
  readonly #wanted = new WeakMap<readonly FoundSkill[], Wanted>();
  #surroundings: { readonly at: number; readonly of: string; readonly is: Promise<Surroundings> } | undefined;

  constructor(ctx: SkillsContext, onChange: () => void) {
    this.#ctx = ctx;
    this.#clock = ctx.clock;
    this.#onChange = onChange;
    ctx.onUnload(() => {
      for (const folder of this.#folders.values()) folder[Symbol.dispose]();
    });
  }

  /** Reads what every agent has, so that whoever has only a moment later need not. */
  async ready(): Promise<void> {
    const { home, config } = this.#ctx;
    await this.#found(sharedRootsOf(home, config));
  }

  /**
   * As it is now: what has changed on disk since is read first. The same objects as long as nothing has. `patienceMs`: a folder that takes longer
   * counts with what it had before, and is read to its end meanwhile.
   */
  async view(agent: AgentInfo, patienceMs?: number): Promise<View> {
    const { home, config } = this.#ctx;
    const found = await this.#found(rootsOf(home, agent.workspace, config), patienceMs);
    const around = await this.#around(found, config);
    const from = [...found, around, config, JSON.stringify(agent.skills)];
    const known = this.#views.get(agent.id);
    if (known?.from.length === from.length && known.from.every((part, at) => part === from[at])) return known.view;
    const view = this.#build(agent, found.flat(), config, around);
    this.#views.set(agent.id, { from, view });
    return view;
  }

  /** What is known of programs is asked for anew. */
  forgetPrograms(): void {
    this.#surroundings = undefined;
  }

  /** What `run` has changed on disk is seen at the next look, also where no watcher has told of it yet. */
  async changing<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } finally {
      for (const folder of this.#folders.values()) folder.lookAgain();
    }
  }

  async #found(roots: readonly Root[], patienceMs?: number): Promise<readonly (readonly FoundSkill[])[]> {
    const { config, log } = this.#ctx;
    const now = this.#clock.monotonic();
    const late = Promise.withResolvers<void>();
    using _timer = patienceMs === undefined ? undefined : this.#clock.after(patienceMs, late.resolve);
    return await Promise.all(
      roots.map((root) => {
        const folder = this.#folder(root, config);
        const known = late.promise.then(() => {
          if (folder.isReading) log.warn("skills.reading-takes-long", { folder: root.path, meanwhile: folder.known.length });
          return folder.known;
        });
        return Promise.race([folder.skills(now, config.load.recheckMs), known]);
      }),
    );
  }

  #folder(root: Root, { load }: SkillsConfig): SkillFolder {
    const known = this.#folders.get(root.path);
    if (known?.root.source === root.source) return known;
    known?.[Symbol.dispose]();
    if (root.source === "managed" && load.watch) this.#make(root.path);
    const made = new SkillFolder(root, { log: this.#ctx.log, watches: load.watch, onChange: this.#onChange });
    this.#folders.set(root.path, made);
    return made;
  }

  /** A folder that is missing is waited for in the one around it, and a watch of the home would wake for every commit of the store there. */
  #make(path: string): void {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      this.#ctx.log.debug("skills.unmade", { path, error: errorMessage(error) });
    }
  }

  #around(found: readonly (readonly FoundSkill[])[], config: SkillsConfig): Promise<Surroundings> {
    const wanted = found.map((skills) => this.#wanted.getOrInsertComputed(skills, wantedBy));
    const programs = [...new Set(wanted.flatMap((each) => each.programs))].sort();
    const variables = [...new Set(wanted.flatMap((each) => each.variables))].sort();
    const isConfigured = wanted.some((each) => each.isConfigured);
    const of = JSON.stringify([programs, variables, isConfigured]);
    const known = this.#surroundings;
    const now = this.#clock.monotonic();
    if (known?.of === of && now < known.at + config.requirementsMs) return known.is;
    const is = this.#lookAround({ programs, variables, isConfigured }).then(async (seen) => {
      // The same object while it says the same, so that nothing is built anew for it.
      const before = known?.of === of ? await known.is.catch(() => undefined) : undefined; // silent-ok: asked anew just now
      return before !== undefined && Bun.deepEquals(before, seen) ? before : seen;
    });
    this.#surroundings = { at: now, of, is };
    is.catch(() => this.forgetPrograms());
    return is;
  }

  async #lookAround({ programs, variables, isConfigured }: Wanted): Promise<Surroundings> {
    const { processes, configuration } = this.#ctx.uses;
    const io = { signal: this.#ctx.signal };
    const [seen, written] = await Promise.all([
      processes?.look({ programs: [...programs], variables: [...variables] }, io),
      isConfigured ? configuration.read({}, io) : undefined,
    ]);
    return {
      programs: new Set(seen?.programs),
      variables: new Set(seen?.variables),
      system: seen?.system ?? process.platform,
      configuration: (written?.value ?? {}) as Surroundings["configuration"],
      ...(seen === undefined ? { none: true } : {}),
    };
  }

  #build(agent: AgentInfo, found: readonly FoundSkill[], config: SkillsConfig, around: Surroundings): View {
    const first = new Map<string, ListedSkill>();
    const keyOf = keysIn(found);
    for (const one of found) {
      const winner = first.get(one.name);
      if (winner === undefined) first.set(one.name, listed(one, keyOf(one), agent, config, around));
      else if (winner.hides === undefined) first.set(one.name, { ...winner, hides: one.folder });
    }
    const all = [...first.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const usable = all.filter((one): one is UsableSkill => one.skill !== undefined && one.reasons.length === 0);
    return { agent, all, usable: new Map(usable.map((one) => [one.name, one])) };
  }
}

/** May have been written by an agent, at the word of whoever it has read. */
const isAgents = ({ root }: FoundSkill): boolean => root.source === "workspace" || root.source === "project";

/** Under which the operator's settings of each stand, with its secrets: the key that it gives itself, unless another is meant by that too; then its name. */
function keysIn(found: readonly FoundSkill[]): (one: FoundSkill) => string {
  const claims = new Map<string, FoundSkill[]>();
  for (const one of found)
    for (const key of new Set([one.name, one.skill?.runtime.key ?? one.name])) claims.getOrInsertComputed(key, () => []).push(one);
  return (one) => {
    const { name, skill } = one;
    const key = skill?.runtime.key ?? name;
    const isOthers = claims.get(key)!.some((other) => other.name !== name && (other.name === key || isAgents(one) || !isAgents(other)));
    return key !== name && isOthers ? name : key;
  };
}

function listed(found: FoundSkill, key: string, agent: AgentInfo, config: SkillsConfig, around: Surroundings): ListedSkill {
  const { skill, name, root, fault } = found;
  const entry = (Object.hasOwn(config.entries, key) ? config.entries[key] : undefined) ?? {};
  const missing = skill === undefined ? nothing : missingOf(skill.runtime, entry, around);
  const isDisabled = entry.enabled === false;
  const byAgent = agent.skills !== undefined && !agent.skills.includes(name);
  const byBundle = root.source === "bundled" && config.allowBundled !== undefined && !config.allowBundled.includes(name);
  const reasons = [
    ...(fault === undefined ? [] : [fault]),
    ...(isDisabled ? [`it is turned off: skills.entries.${key}.enabled`] : []),
    ...(byAgent ? [`the agent ${agent.id} may not use it: agents.list[].skills`] : []),
    ...(byBundle ? ["skills.allowBundled leaves it out"] : []),
    ...(skill === undefined ? [] : reasonsOf(missing, key, around)),
  ];
  // Names of settings are as the skill has them, and a reason is a line that its reader believes.
  return { ...found, key, entry, isDisabled, isLeftOut: byAgent || byBundle, missing, reasons: reasons.map(plainly) };
}

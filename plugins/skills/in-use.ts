/** Which skills a run is under: kept, so that a run that goes on after a restart is still held to them. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { AllowedTool } from "@pincer/plugin-sdk/skill";

export interface SkillInUse {
  readonly name: string;
  /** As it was when the run took it up. */
  readonly folder: string;
  /** Absent: it says nothing of tools. */
  readonly allowedTools?: readonly AllowedTool[];
}

interface Kept {
  readonly at: number;
  readonly skills: readonly SkillInUse[];
}

/** A run that was lost is never told as ended. */
const longestMs = 7 * 86_400_000;
const keyOf = (runId: string) => `run/${runId}`;
const usedKey = "used";

export class InUse {
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #runs = new Map<string, Promise<readonly SkillInUse[]>>();
  /** Runs that something is kept of, so that the end of all others reads nothing. */
  readonly #kept = new Set<string>();
  /** Skill -> when it was last taken up. */
  readonly used = new Map<string, number>();
  readonly #loaded: Promise<void>;

  constructor(store: KeyValueStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#loaded = this.#load();
    this.#loaded.catch(() => undefined); // silent-ok: whoever waits for it is told
  }

  /** In the order in which they were taken up. */
  of(runId: string): Promise<readonly SkillInUse[]> {
    const known = this.#runs.get(runId);
    if (known !== undefined) return known;
    const read = this.#store.get<Kept>(keyOf(runId)).then((kept) => kept?.skills ?? []);
    this.#runs.set(runId, read);
    read.catch(() => this.#runs.delete(runId));
    return read;
  }

  async take(runId: string, skill: SkillInUse): Promise<void> {
    await this.#loaded;
    const before = this.of(runId);
    const after = before.then(async (skills) => {
      const next = [...skills.filter(({ name }) => name !== skill.name), skill];
      const at = this.#clock.now();
      this.used.set(skill.name, at);
      this.#kept.add(runId);
      await this.#store.set({ [keyOf(runId)]: { at, skills: next } satisfies Kept, [usedKey]: Object.fromEntries(this.used) });
      return next;
    });
    this.#runs.set(runId, after);
    after.catch(() => this.#runs.delete(runId));
    await after;
  }

  async end(runId: string): Promise<void> {
    await this.#loaded;
    this.#runs.delete(runId);
    if (this.#kept.delete(runId)) await this.#store.set({ [keyOf(runId)]: undefined });
  }

  async #load(): Promise<void> {
    const [used, runs] = await Promise.all([this.#store.get<Record<string, number>>(usedKey), this.#store.list<Kept>(keyOf(""))]);
    for (const [name, at] of Object.entries(used ?? {})) if (!this.used.has(name)) this.used.set(name, at);
    const oldest = this.#clock.now() - longestMs;
    const old = runs.filter(({ value }) => value.at < oldest);
    for (const { key, value } of runs) if (value.at >= oldest) this.#kept.add(key.slice(keyOf("").length));
    if (old.length > 0) await this.#store.set(Object.fromEntries(old.map(({ key }) => [key, undefined])));
  }
}

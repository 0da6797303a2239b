/** Skills by what they mean, where a plugin makes vectors of texts. The vectors are kept, and made beside the turns, not in them. */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { UsableSkill } from "./catalog.ts";
import type { SkillsContext } from "./uses.ts";

const batch = 32;
/** A turn does not wait longer for the vector of what was said. */
const patienceMs = 400;
const longestText = 2_000;

const textOf = ({ name, skill }: UsableSkill): string => `${name}: ${skill.description}`;
const digestOf = (text: string): string => Bun.hash(text).toString(36);

export class Meaning {
  readonly #ctx: SkillsContext;
  #database: Database | undefined;
  #model: string | undefined;
  #making: Promise<void> | undefined;

  constructor(ctx: SkillsContext) {
    this.#ctx = ctx;
    ctx.onUnload(async () => {
      await this.#making;
      this.#database?.close();
    });
  }

  /** Makes what vectors are missing, once at a time. */
  learn(skills: readonly UsableSkill[]): void {
    if (this.#ctx.uses.embedder === undefined || this.#making !== undefined) return;
    this.#making = this.#learn(skills)
      .catch((error: unknown) => {
        if (!this.#ctx.signal.aborted) this.#ctx.log.warn("skills.embedding-failed", { error: errorMessage(error) });
      })
      .finally(() => {
        this.#making = undefined;
      });
  }

  /** The nearest, the best first; nothing where nobody makes vectors, or not in time. */
  async find(text: string, skills: readonly UsableSkill[], limit: number, signal: AbortSignal): Promise<readonly string[]> {
    const { uses, clock, log } = this.#ctx;
    const { embedder } = uses;
    const model = this.#model;
    if (embedder === undefined || model === undefined || text.trim() === "") return [];
    try {
      const late = Promise.withResolvers<undefined>();
      using _timer = clock.after(patienceMs, () => late.resolve(undefined));
      const asked = embedder.embed({ texts: [text.slice(-longestText)] }, { signal });
      asked.catch(() => undefined); // silent-ok: told below, unless it came too late to matter
      const answer = await Promise.race([asked, late.promise]);
      const vector = answer?.model === model ? answer.vectors[0] : undefined;
      if (vector === undefined) return [];
      const kept = this.#kept(
        model,
        skills.map((one) => digestOf(textOf(one))),
      );
      return skills
        .flatMap((one) => {
          const its = kept.get(digestOf(textOf(one)));
          return its === undefined ? [] : [[one.name, likeness(vector, its)] as const];
        })
        .sort(([, a], [, b]) => b - a)
        .slice(0, limit)
        .map(([name]) => name);
    } catch (error) {
      if (!signal.aborted) log.warn("skills.embedding-failed", { error: errorMessage(error) });
      return [];
    }
  }

  async #learn(skills: readonly UsableSkill[]): Promise<void> {
    const { uses, signal } = this.#ctx;
    const ask = async (texts: string[]) => {
      const { model, vectors } = await uses.embedder!.embed({ texts }, { signal });
      this.#model = model;
      return { model, vectors };
    };
    if (this.#model === undefined) await ask(["skill"]);
    const known = this.#kept(
      this.#model!,
      skills.map((one) => digestOf(textOf(one))),
    );
    const missing = skills.map(textOf).filter((text) => !known.has(digestOf(text)));
    for (let at = 0; at < missing.length && !signal.aborted; at += batch) {
      const texts = missing.slice(at, at + batch);
      const { model, vectors } = await ask(texts);
      const database = this.#open();
      const insert = database.prepare("insert or replace into vector (model, digest, value) values (?, ?, ?)");
      database.transaction(() => {
        for (const [index, text] of texts.entries())
          insert.run(model, digestOf(text), new Uint8Array(new Float32Array(vectors[index] ?? []).buffer));
      })();
    }
  }

  #kept(model: string, digests: readonly string[]): Map<string, Float32Array> {
    const get = this.#open().query<{ value: Uint8Array }, [string, string]>("select value from vector where model = ? and digest = ?");
    const kept = new Map<string, Float32Array>();
    for (const digest of digests) {
      const value = get.get(model, digest)?.value;
      if (value !== undefined) kept.set(digest, new Float32Array(value.buffer, value.byteOffset, value.byteLength / 4));
    }
    return kept;
  }

  #open(): Database {
    if (this.#database === undefined) {
      mkdirSync(this.#ctx.dataDir, { recursive: true });
      this.#database = new Database(join(this.#ctx.dataDir, "vectors.sqlite"));
      this.#database.run(
        "create table if not exists vector (model text, digest text, value blob, primary key (model, digest)) without rowid",
      );
    }
    return this.#database;
  }
}

function likeness(a: readonly number[], b: Float32Array): number {
  let [product, ofA, ofB] = [0, 0, 0];
  for (const [at, one] of a.entries()) {
    const other = b[at] ?? 0;
    product += one * other;
    ofA += one * one;
    ofB += other * other;
  }
  return ofA === 0 || ofB === 0 ? 0 : product / Math.sqrt(ofA * ofB);
}

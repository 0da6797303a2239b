/** Which skills a text is about: by its words, and by their meaning where something can tell. */
import { Database } from "bun:sqlite";
import type { UsableSkill } from "./catalog.ts";

const mostWords = 48;
/** A name says more of a skill than one word of its description. */
const weights = "6.0, 3.0, 1.0";
const fewest = 8;
const fewShare = 0.05;
const quoted = (word: string): string => `"${word}"`;
/** The usual one of reciprocal rank fusion. */
const fusion = 60;

/** What of the metadata helps to find it. */
const keywordsOf = ({ skill: { metadata } }: UsableSkill): string => {
  const { keywords, tags } = metadata;
  return [keywords, tags]
    .flat()
    .filter((word) => typeof word === "string")
    .join(" ");
};

export class WordIndex implements Disposable {
  readonly #database = new Database(":memory:");
  readonly #names: readonly string[];
  /** In how many skills a word is. */
  readonly #counts = new Map<string, number>();

  constructor(skills: readonly UsableSkill[]) {
    this.#names = skills.map(({ name }) => name);
    this.#database.run(
      "create virtual table skill using fts5(name, keywords, description, tokenize='porter unicode61 remove_diacritics 2')",
    );
    const insert = this.#database.prepare("insert into skill (rowid, name, keywords, description) values (?, ?, ?, ?)");
    this.#database.transaction(() => {
      for (const [at, one] of skills.entries()) insert.run(at, one.name.replaceAll("-", " "), keywordsOf(one), one.skill.description);
    })();
  }

  /** Names, the best first. `telling`: by words alone that are in few skills, so that small talk finds nothing. */
  find(text: string, limit: number, telling: boolean): readonly string[] {
    const said = new Set(
      text
        .toLowerCase()
        .match(/[\p{L}\p{N}]{2,}/gu)
        ?.slice(-mostWords * 4),
    );
    const most = telling ? Math.max(fewest, this.#names.length * fewShare) : this.#names.length;
    const words = [...said].filter((word) => this.#count(word) > 0 && this.#count(word) <= most).slice(-mostWords);
    if (words.length === 0) return [];
    const rows = this.#database
      .query<{ rowid: number }, [string, number]>(`select rowid from skill where skill match ? order by bm25(skill, ${weights}) limit ?`)
      .all(words.map(quoted).join(" OR "), limit);
    return rows.map(({ rowid }) => this.#names[rowid]!);
  }

  #count(word: string): number {
    return this.#counts.getOrInsertComputed(
      word,
      () => this.#database.query<{ n: number }, [string]>("select count(*) as n from skill where skill match ?").get(quoted(word))!.n,
    );
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** One ranking of several, in which a name counts by its ranks. */
export function fused(rankings: readonly (readonly string[])[], limit: number): readonly string[] {
  if (rankings.length === 1) return rankings[0]!.slice(0, limit);
  const points = new Map<string, number>();
  for (const ranking of rankings) {
    for (const [rank, name] of ranking.entries()) points.set(name, (points.get(name) ?? 0) + 1 / (fusion + rank));
  }
  return [...points]
    .sort(([, a], [, b]) => b - a)
    .slice(0, limit)
    .map(([name]) => name);
}

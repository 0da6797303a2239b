/** Who may take a name that is free: whoever comes first, or whom the operator has named. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import { createLookalikes, type KnownName } from "../lookalike.ts";
import { checkedName, type PackageName } from "../name.ts";

/** Why a name could be taken for another one: a sentence; undefined when it could not. */
export type Resemblance = (name: PackageName, publisher: string) => string | undefined;

export interface Held extends PackageName {
  readonly publisher: string;
  readonly why: string;
  readonly at: number;
}

export interface Names {
  /** Throws `REGISTRY_FORBIDDEN`, `REGISTRY_NAME_HELD`. */
  requireFree(name: PackageName, publisher: string): void;
  /** The operator's word, which stands above all rules. */
  grant(name: PackageName, publisher: string): void;
  granted(): readonly (PackageName & { readonly publisher: string })[];
  /** So that the operator sees who waits. */
  hold(name: PackageName, publisher: string, why: string): void;
  held(): readonly Held[];
}

export function createNames(database: Database, rule: "open" | "granted", resembles: Resemblance, now: () => number): Names {
  const grantOf = database.query<{ publisher: string }, [string, string]>("SELECT publisher FROM grants WHERE kind = ? AND id = ?");
  return {
    requireFree(name, publisher) {
      const granted = grantOf.get(name.kind, name.id)?.publisher;
      if (granted === publisher) return;
      if (granted !== undefined) throw new RegistryError("REGISTRY_FORBIDDEN", `${name.id} is kept for another publisher`);
      if (rule === "granted")
        throw new RegistryError("REGISTRY_NAME_HELD", `${name.id} waits: here names are given by whoever runs the registry, who was told`);
      const why = resembles(name, publisher);
      if (why !== undefined)
        throw new RegistryError("REGISTRY_NAME_HELD", `${name.id} waits for the word of whoever runs the registry, who was told: ${why}`);
    },

    grant(name, publisher) {
      checkedName(name.id);
      checkedName(publisher);
      database.transaction(() => {
        database.query("INSERT OR REPLACE INTO grants (kind, id, publisher) VALUES (?, ?, ?)").run(name.kind, name.id, publisher);
        database.query("DELETE FROM held WHERE kind = ? AND id = ? AND publisher = ?").run(name.kind, name.id, publisher);
      })();
    },

    granted: () =>
      database.query<PackageName & { publisher: string }, []>("SELECT kind, id, publisher FROM grants ORDER BY kind, id").all(),

    hold(name, publisher, why) {
      database
        .query("INSERT OR REPLACE INTO held (kind, id, publisher, why, at) SELECT ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM held) < 10000")
        .run(name.kind, name.id, publisher, why, now());
    },

    held: () => database.query<Held, []>("SELECT kind, id, publisher, why, at FROM held ORDER BY at").all(),
  };
}

/** The names of what comes with Pincer, which everybody takes for its own, and those that are like them. */
export function reservedNames(ids: readonly string[]): Resemblance {
  const [own, names] = [new Set(ids), createLookalikes(ids.map((id) => ({ id })))];
  return ({ id }) => {
    if (own.has(id)) return `${id} comes with Pincer`;
    const like = names.find({ id });
    return like && `it could be taken for ${like.id}, which comes with Pincer (${like.why})`;
  };
}

/** Like one that many use: nobody imitates what nobody knows. */
export function popularNames(database: Database, downloads: number): Resemblance {
  const counted = database.query<{ count: number }, [number]>("SELECT count(*) AS count FROM packages WHERE downloads >= ?");
  const known = database.query<KnownName, [number]>("SELECT id, publisher, downloads FROM packages WHERE downloads >= ?");
  // To take 50,000 names apart takes most of a second, before anybody waits; to compare with them hardly any.
  let seen = counted.get(downloads)!.count;
  const names = createLookalikes(known.all(downloads));
  return ({ id }, publisher) => {
    const { count } = counted.get(downloads)!;
    if (count !== seen) names.add(known.all(downloads));
    seen = count;
    const like = names.find({ id, publisher });
    return like && `it could be taken for ${like.id} (${like.why})`;
  };
}

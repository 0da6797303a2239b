/** Who may take a name that is free: whoever comes first, or whom the operator has named. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import { createLookalikes, type KnownName } from "../lookalike.ts";
import { checkedName, type PackageName } from "../name.ts";
import { hexKeysOf, type Owner } from "../trust/owner.ts";

/** Why a name could be taken for another one: a sentence; undefined when it could not. */
export type Resemblance = (name: PackageName, publisher: string) => string | undefined;

/** For whom a name is, or who wants it: anybody could call himself by a publisher's name, and the keys are whose it is. */
export interface Grantee extends PackageName {
  readonly publisher: string;
  /** In hex, sorted; none of what was written down before keys were kept. */
  readonly keys: readonly string[];
  readonly threshold: number;
}

export interface Held extends Grantee {
  readonly why: string;
  readonly at: number;
}

export interface Names {
  /** Throws `REGISTRY_FORBIDDEN`, `REGISTRY_NAME_HELD`. */
  requireFree(name: PackageName, publisher: string, owner: Owner): void;
  /** The operator's word, which stands above all rules. Nobody else waits for that name then. */
  grant(name: PackageName, publisher: string, owner: Owner): void;
  granted(): readonly Grantee[];
  /**
   * Other keys for a publisher: `change` makes them count in the files. Where the keys of before have signed it, what was granted to him goes along, also
   * when the process ends between the files and the database. Not within another step of the database.
   */
  rekey(publisher: string, keys: { readonly before: Owner; readonly after: Owner; readonly isSigned: boolean }, change: () => void): void;
  /** So that the operator sees who waits, and with which keys. */
  hold(name: PackageName, publisher: string, owner: Owner, why: string): void;
  held(): readonly Held[];
}

type Row<Of extends Grantee> = Omit<Of, "keys"> & { readonly keys: string };
const textOf = (owner: Owner): string => hexKeysOf(owner).join(" ");
/** With how many of them must sign. */
const wholeOf = (owner: Owner): string => `${owner.threshold} ${textOf(owner)}`;
const rowOf = (whole: string): [keys: string, threshold: number] => {
  const [threshold = "", ...keys] = whole.split(" ");
  return [keys.join(" "), Number(threshold)];
};
const withKeys = <Read extends { readonly keys: string }>({ keys, ...row }: Read) => ({ ...row, keys: keys === "" ? [] : keys.split(" ") });

export function createNames(database: Database, rule: "open" | "granted", resembles: Resemblance, now: () => number): Names {
  const grantOf = database.query<Row<Grantee>, [string, string]>(
    "SELECT kind, id, publisher, keys, threshold FROM grants WHERE kind = ? AND id = ?",
  );
  const begun = database.query<{ readonly before: string; readonly after: string }, [string]>(
    "SELECT before, after FROM rekeys WHERE publisher = ?",
  );
  const [begin, forget] = [
    database.query("INSERT INTO rekeys (publisher, before, after) VALUES (?, ?, ?)"),
    database.query("DELETE FROM rekeys WHERE publisher = ?"),
  ];
  const move = (publisher: string, before: string, after: string) =>
    database
      .query("UPDATE grants SET keys = ?, threshold = ? WHERE publisher = ? AND keys = ? AND threshold = ?")
      .run(...rowOf(after), publisher, ...rowOf(before));
  /** What was granted to the keys of before, where these count by a change that was interrupted. One that came to nothing says others than the files do. */
  const follow = (publisher: string, owner: Owner): void => {
    const row = begun.get(publisher);
    if (row?.after === wholeOf(owner)) move(publisher, row.before, row.after);
  };
  return {
    requireFree(name, publisher, owner) {
      follow(publisher, owner);
      const granted = grantOf.get(name.kind, name.id);
      if (granted?.keys === "")
        throw new RegistryError(
          "REGISTRY_NAME_HELD",
          `${name.id} waits: it was given to ${granted.publisher} before the keys were kept with that, so whoever runs the registry gives it again, and was told`,
        );
      const isHis = granted?.publisher === publisher;
      if (isHis && granted.keys === textOf(owner) && granted.threshold === owner.threshold) return;
      if (granted)
        throw new RegistryError(
          "REGISTRY_FORBIDDEN",
          isHis
            ? `${name.id} is kept for ${publisher} with other keys: whoever runs the registry can give it to these`
            : `${name.id} is kept for another publisher`,
        );
      if (rule === "granted")
        throw new RegistryError("REGISTRY_NAME_HELD", `${name.id} waits: here names are given by whoever runs the registry, who was told`);
      const why = resembles(name, publisher);
      if (why !== undefined)
        throw new RegistryError("REGISTRY_NAME_HELD", `${name.id} waits for the word of whoever runs the registry, who was told: ${why}`);
    },

    grant({ kind, id }, publisher, owner) {
      checkedName(id);
      checkedName(publisher);
      database.transaction(() => {
        database
          .query("INSERT OR REPLACE INTO grants (kind, id, publisher, keys, threshold) VALUES (?, ?, ?, ?, ?)")
          .run(kind, id, publisher, textOf(owner), owner.threshold);
        database.query("DELETE FROM held WHERE kind = ? AND id = ?").run(kind, id);
      })();
    },

    granted: () =>
      database.query<Row<Grantee>, []>("SELECT kind, id, publisher, keys, threshold FROM grants ORDER BY kind, id").all().map(withKeys),

    rekey(publisher, { before, after, isSigned }, change) {
      database
        .transaction(() => {
          follow(publisher, before);
          forget.run(publisher);
          if (isSigned) begin.run(publisher, wholeOf(before), wholeOf(after));
        })
        .immediate();
      database
        .transaction(() => {
          change();
          if (isSigned) move(publisher, wholeOf(before), wholeOf(after));
          forget.run(publisher);
        })
        .immediate();
    },

    hold({ kind, id }, publisher, owner, why) {
      database.query("DELETE FROM held WHERE kind = ? AND id = ? AND publisher = ? AND keys = ''").run(kind, id, publisher);
      database
        .query(
          `INSERT OR REPLACE INTO held (kind, id, publisher, keys, threshold, why, at)
           SELECT ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM held) < 10000`,
        )
        .run(kind, id, publisher, textOf(owner), owner.threshold, why, now());
    },

    held: () =>
      database.query<Row<Held>, []>("SELECT kind, id, publisher, keys, threshold, why, at FROM held ORDER BY at").all().map(withKeys),
  };
}

/** For whoever runs the registry, whom no rule binds. */
export const operatorsNames = (database: Database, now: () => number): Names => createNames(database, "open", () => undefined, now);

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

/** Packages by words, the beginnings of words, and words with a slip in them; what is fetched often comes first among equals. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import { isSlipOf } from "../lookalike.ts";
import type { Kind, PackageName } from "../name.ts";

export interface Listed {
  readonly kind: Kind;
  readonly id: string;
  readonly publisher: string;
  /** The newest that is not taken back. */
  readonly version: string;
  readonly summary: string;
  readonly publishedAt: string;
  readonly downloads: number;
  /** None of its versions is for anybody any more; `version` is the newest of them all the same. */
  readonly withdrawn: Withdrawal | null;
}

/** By its publisher, or by the registry. */
export interface Withdrawal {
  readonly as: "yanked" | "revoked";
  readonly reason: string;
  readonly at: string;
}

export interface SearchQuery {
  readonly q: string;
  /** Without what is withdrawn, which else comes last. */
  readonly isOffered?: boolean;
  readonly kind?: Kind;
  readonly limit: number;
  readonly cursor?: string;
}

export interface ListQuery {
  readonly kind: Kind;
  readonly order: "newest" | "downloads" | "name";
  /** What the names begin with. */
  readonly prefix: string;
  readonly limit: number;
  readonly cursor?: string;
}

export interface SearchResult {
  readonly packages: readonly Listed[];
  /** For what comes after these; absent at the end. */
  readonly cursor?: string;
}

export interface SearchIndex {
  /** Puts a package there as it is now. */
  put(listed: Omit<Listed, "downloads">): void;
  remove(kind: Kind, id: string): void;
  /** Of all its versions. */
  downloads(name: PackageName): number;
  find(query: SearchQuery): SearchResult;
  list(query: ListQuery): SearchResult;
}

/** Nobody reads further; and each page costs all before it. */
const deepest = 1000;
const columns = "p.kind, p.id, p.publisher, p.version, p.summary, p.published_at AS publishedAt, p.downloads, p.withdrawn";
/** And those that nobody withdrew, where that is asked for. */
const wanted = "($kind IS NULL OR p.kind = $kind) AND ($offered = 0 OR p.withdrawn IS NULL)";

type Row = Omit<Listed, "withdrawn"> & { readonly withdrawn: string | null };
const listedOf = ({ withdrawn, ...row }: Row): Listed => ({
  ...row,
  withdrawn: withdrawn === null ? null : (JSON.parse(withdrawn) as Withdrawal),
});
interface Wanted {
  readonly kind: Kind | null;
  readonly offered: 0 | 1;
}

const wordsOf = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu)
    ?.slice(0, 8)
    .map((word) => word.slice(0, 40)) ?? [];

function offsetIn(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const offset = Number(/^after-(\d{1,4})$/.exec(cursor)?.[1] ?? Number.NaN);
  if (Number.isNaN(offset) || offset > deepest)
    throw new RegistryError(
      "REGISTRY_REQUEST_INVALID",
      `cursor: expected one that a search has answered with, came ${JSON.stringify(cursor)}`,
    );
  return offset;
}

export function createSearchIndex(database: Database): SearchIndex {
  const number = database.query<{ number: number }, [string, string]>("SELECT number FROM packages WHERE kind = ? AND id = ?");
  const counted = database.query<{ downloads: number }, [string, string]>("SELECT downloads FROM packages WHERE kind = ? AND id = ?");
  const forget = (row: number): void => {
    database.query("DELETE FROM words WHERE rowid = ?").run(row);
    database.query("DELETE FROM grams WHERE rowid = ?").run(row);
  };

  /** Every word, or the beginning of one; the last word counts most often as a beginning. The name weighs more than what is said of it. */
  const byWords = (words: readonly string[], of: Wanted, limit: number, offset: number): Row[] =>
    database
      .query<Row, Record<string, string | number | null>>(
        `SELECT ${columns} FROM words JOIN packages p ON p.number = words.rowid
         WHERE words MATCH $match AND ${wanted}
         ORDER BY p.withdrawn IS NOT NULL, p.id = $exact DESC, bm25(words, 8.0, 1.0) - 0.5 * log10(1 + p.downloads), p.id LIMIT $limit OFFSET $offset`,
      )
      .all({ match: words.map((word) => `"${word}"*`).join(" "), ...of, exact: words.join("-"), limit, offset });

  /**
   * Of what has most parts of three letters in common with it, and of what begins like one of its words, those that are like it. In a short word two
   * letters that change places leave no part of three as it was.
   */
  const bySpelling = (words: readonly string[], of: Wanted, limit: number): Row[] => {
    const grams = gramsOf(words.join("-"));
    if (grams.size === 0) return [];
    const found = database
      .query<Row, Record<string, string | number | null>>(
        `SELECT ${columns} FROM grams JOIN packages p ON p.number = grams.rowid
         WHERE grams MATCH $match AND ${wanted} ORDER BY bm25(grams), p.downloads DESC LIMIT 200`,
      )
      .all({ match: [...grams].map((gram) => `"${gram}"`).join(" OR "), ...of })
      .concat(byBeginning(words, of))
      .map((listed) => ({ listed, likeness: likenessOf(words, grams, listed.id) }))
      .filter(({ likeness }) => likeness >= 0.35)
      .sort((a, b) => b.likeness - a.likeness || b.listed.downloads - a.listed.downloads)
      .map(({ listed }) => listed);
    return [...new Map(found.map((one) => [`${one.kind}/${one.id}`, one])).values()].slice(0, limit);
  };

  /** What has a word in its name that begins with the same two letters, in whichever order. */
  const byBeginning = (words: readonly string[], of: Wanted): Row[] =>
    database
      .query<Row, Record<string, string | number | null>>(
        `SELECT ${columns} FROM words JOIN packages p ON p.number = words.rowid
         WHERE words MATCH $match AND ${wanted} ORDER BY p.downloads DESC LIMIT 500`,
      )
      .all({
        match: `id : (${words.flatMap(([first = "", second = ""]) => [`"${first}${second}"*`, `"${second}${first}"*`]).join(" OR ")})`,
        ...of,
      });

  return {
    put({ kind, id, publisher, version, summary, publishedAt, withdrawn }) {
      const { number: row } = database
        .query<{ number: number }, (string | null)[]>(
          `INSERT INTO packages (kind, id, publisher, version, summary, published_at, withdrawn) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (kind, id) DO UPDATE SET publisher = excluded.publisher, version = excluded.version, summary = excluded.summary,
             published_at = excluded.published_at, withdrawn = excluded.withdrawn RETURNING number`,
        )
        .get(kind, id, publisher, version, summary, publishedAt, withdrawn && JSON.stringify(withdrawn))!;
      forget(row);
      database.query("INSERT INTO words (rowid, id, summary) VALUES (?, ?, ?)").run(row, id, summary);
      database.query("INSERT INTO grams (rowid, id) VALUES (?, ?)").run(row, id);
    },

    remove(kind, id) {
      const found = number.get(kind, id);
      if (!found) return;
      forget(found.number);
      database.query("DELETE FROM packages WHERE number = ?").run(found.number);
    },

    downloads: ({ kind, id }) => counted.get(kind, id)?.downloads ?? 0,

    find({ q, kind, isOffered, limit, cursor }) {
      const [words, offset] = [wordsOf(q), offsetIn(cursor)];
      const of: Wanted = { kind: kind ?? null, offered: isOffered ? 1 : 0 };
      const page =
        words.length > 0
          ? byWords(words, of, limit + 1, offset)
          : database
              .query<Row, Record<string, string | number | null>>(
                `SELECT ${columns} FROM packages p WHERE ${wanted} ORDER BY p.withdrawn IS NOT NULL, p.downloads DESC, p.id LIMIT $limit OFFSET $offset`,
              )
              .all({ ...of, limit: limit + 1, offset });
      // Guesses come only where nothing was found as it is written.
      if (page.length === 0 && offset === 0 && words.length > 0) return { packages: bySpelling(words, of, limit).map(listedOf) };
      return paged(page, limit, offset);
    },

    list({ kind, order, prefix, limit, cursor }) {
      const offset = offsetIn(cursor);
      const page = database
        .query<Row, Record<string, string | number>>(
          `SELECT ${columns} FROM packages p WHERE p.kind = $kind AND p.withdrawn IS NULL AND substr(p.id, 1, length($prefix)) = $prefix
           ORDER BY ${orders[order]}, p.id LIMIT $limit OFFSET $offset`,
        )
        .all({ kind, prefix, limit: limit + 1, offset });
      return paged(page, limit, offset);
    },
  };
}

const orders: Readonly<Record<ListQuery["order"], string>> = { newest: "p.published_at DESC", downloads: "p.downloads DESC", name: "p.id" };

/** Of one more than were asked for, which says whether there are more. */
function paged(page: readonly Row[], limit: number, offset: number): SearchResult {
  const packages = page.slice(0, limit).map(listedOf);
  const next = offset + limit;
  return page.length > limit && next <= deepest ? { packages, cursor: `after-${next}` } : { packages };
}

function gramsOf(text: string): ReadonlySet<string> {
  const plain = text.toLowerCase().replace(/"/g, "");
  return new Set(Array.from({ length: Math.max(0, plain.length - 2) }, (_gram, index) => plain.slice(index, index + 3)));
}

/** Dice's coefficient over parts of three letters; of a longer name the part that is most like it. One slip from it is nearly the same. */
function likenessOf(words: readonly string[], grams: ReadonlySet<string>, id: string): number {
  const parts = [id, ...id.split("-")].map((part) => {
    if (words.some((word) => isSlipOf(word, part))) return 0.9;
    const own = gramsOf(part);
    const shared = [...own].filter((gram) => grams.has(gram)).length;
    return own.size === 0 ? 0 : (2 * shared) / (own.size + grams.size);
  });
  return Math.max(...parts);
}

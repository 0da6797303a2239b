/** Packages by words, the beginnings of words, and words with a slip in them; what is fetched often comes first among equals. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import type { Kind } from "../name.ts";

export interface Listed {
  readonly kind: Kind;
  readonly id: string;
  readonly publisher: string;
  /** The newest that is not taken back. */
  readonly version: string;
  readonly summary: string;
  readonly publishedAt: string;
  readonly downloads: number;
}

export interface SearchQuery {
  readonly q: string;
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
  find(query: SearchQuery): SearchResult;
  list(query: ListQuery): SearchResult;
}

/** Nobody reads further; and each page costs all before it. */
const deepest = 1000;
const columns = "p.kind, p.id, p.publisher, p.version, p.summary, p.published_at AS publishedAt, p.downloads";

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
  const forget = (row: number): void => {
    database.query("DELETE FROM words WHERE rowid = ?").run(row);
    database.query("DELETE FROM grams WHERE rowid = ?").run(row);
  };

  /** Every word, or the beginning of one; the last word counts most often as a beginning. The name weighs more than what is said of it. */
  const byWords = (words: readonly string[], kind: Kind | undefined, limit: number, offset: number): Listed[] =>
    database
      .query<Listed, Record<string, string | number | null>>(
        `SELECT ${columns} FROM words JOIN packages p ON p.number = words.rowid
         WHERE words MATCH $match AND ($kind IS NULL OR p.kind = $kind)
         ORDER BY p.id = $exact DESC, bm25(words, 8.0, 1.0) - 0.5 * log10(1 + p.downloads), p.id LIMIT $limit OFFSET $offset`,
      )
      .all({ match: words.map((word) => `"${word}"*`).join(" "), kind: kind ?? null, exact: words.join("-"), limit, offset });

  /** Of what has most parts of three letters in common with it, those that have enough. */
  const bySpelling = (text: string, kind: Kind | undefined, limit: number): Listed[] => {
    const grams = gramsOf(text);
    if (grams.size === 0) return [];
    return database
      .query<Listed, Record<string, string | number | null>>(
        `SELECT ${columns} FROM grams JOIN packages p ON p.number = grams.rowid
         WHERE grams MATCH $match AND ($kind IS NULL OR p.kind = $kind) ORDER BY bm25(grams), p.downloads DESC LIMIT 200`,
      )
      .all({ match: [...grams].map((gram) => `"${gram}"`).join(" OR "), kind: kind ?? null })
      .map((listed) => ({ listed, likeness: likenessOf(grams, listed.id) }))
      .filter(({ likeness }) => likeness >= 0.35)
      .sort((a, b) => b.likeness - a.likeness || b.listed.downloads - a.listed.downloads)
      .slice(0, limit)
      .map(({ listed }) => listed);
  };

  return {
    put({ kind, id, publisher, version, summary, publishedAt }) {
      const { number: row } = database
        .query<{ number: number }, string[]>(
          `INSERT INTO packages (kind, id, publisher, version, summary, published_at) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (kind, id) DO UPDATE SET publisher = excluded.publisher, version = excluded.version, summary = excluded.summary,
             published_at = excluded.published_at RETURNING number`,
        )
        .get(kind, id, publisher, version, summary, publishedAt)!;
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

    find({ q, kind, limit, cursor }) {
      const [words, offset] = [wordsOf(q), offsetIn(cursor)];
      const page =
        words.length > 0
          ? byWords(words, kind, limit + 1, offset)
          : database
              .query<Listed, Record<string, string | number | null>>(
                `SELECT ${columns} FROM packages p WHERE ($kind IS NULL OR p.kind = $kind) ORDER BY p.downloads DESC, p.id LIMIT $limit OFFSET $offset`,
              )
              .all({ kind: kind ?? null, limit: limit + 1, offset });
      // Guesses come only where nothing was found as it is written.
      if (page.length === 0 && offset === 0 && words.length > 0) return { packages: bySpelling(words.join("-"), kind, limit) };
      return paged(page, limit, offset);
    },

    list({ kind, order, prefix, limit, cursor }) {
      const offset = offsetIn(cursor);
      const page = database
        .query<Listed, Record<string, string | number>>(
          `SELECT ${columns} FROM packages p WHERE p.kind = $kind AND substr(p.id, 1, length($prefix)) = $prefix
           ORDER BY ${orders[order]}, p.id LIMIT $limit OFFSET $offset`,
        )
        .all({ kind, prefix, limit: limit + 1, offset });
      return paged(page, limit, offset);
    },
  };
}

const orders: Readonly<Record<ListQuery["order"], string>> = { newest: "p.published_at DESC", downloads: "p.downloads DESC", name: "p.id" };

/** Of one more than were asked for, which says whether there are more. */
function paged(page: readonly Listed[], limit: number, offset: number): SearchResult {
  const packages = page.slice(0, limit);
  const next = offset + limit;
  return page.length > limit && next <= deepest ? { packages, cursor: `after-${next}` } : { packages };
}

function gramsOf(text: string): ReadonlySet<string> {
  const plain = text.toLowerCase().replace(/"/g, "");
  return new Set(Array.from({ length: Math.max(0, plain.length - 2) }, (_gram, index) => plain.slice(index, index + 3)));
}

/** Dice's coefficient over parts of three letters; of a longer name the part that is most like it. */
function likenessOf(grams: ReadonlySet<string>, id: string): number {
  const parts = [id, ...id.split("-")].map((part) => {
    const own = gramsOf(part);
    const shared = [...own].filter((gram) => grams.has(gram)).length;
    return own.size === 0 ? 0 : (2 * shared) / (own.size + grams.size);
  });
  return Math.max(...parts);
}

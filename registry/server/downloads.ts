/** How often a release was fetched: once for each address and day. Kept are numbers; who it was, nobody can say later. */
import type { Database } from "bun:sqlite";
import { createHash, randomBytes } from "node:crypto";
import { type Release, releaseAt } from "../name.ts";

/** Beyond so many in a day the rest is not told apart, and so not counted. */
const most = 200_000;

export interface Downloads {
  /** `path`: of the archive, as it is asked for. */
  count(path: string, household: string): void;
  of(release: Omit<Release, "version">): { readonly total: number; readonly versions: Readonly<Record<string, number>> };
}

/** What an archive's path in `targets/` is the place of. */
const releaseIn = (path: string): Release | undefined =>
  releaseAt(path.replace(/^\/targets\//, "").replace(/\/[0-9a-f]{64}\.([^/]+)$/, "/$1"));

export function createDownloads(database: Database, now: () => number): Downloads {
  const add = database.query(
    "INSERT INTO downloads (kind, id, version, day, count) VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
  );
  const total = database.query("UPDATE packages SET downloads = downloads + 1 WHERE kind = ? AND id = ?");
  let day = "";
  let salt = randomBytes(16);
  const seen = new Set<string>();
  return {
    count(path, household) {
      const release = releaseIn(path);
      if (!release) return;
      const today = new Date(now()).toISOString().slice(0, 10);
      if (today !== day) {
        // With its salt, which nobody has kept, what was seen on the day before is nobody's address any more.
        [day, salt] = [today, randomBytes(16)];
        seen.clear();
      }
      const mark = createHash("sha256").update(salt).update(`${household} ${path}`).digest("base64");
      if (seen.has(mark) || seen.size >= most) return;
      seen.add(mark);
      add.run(release.kind, release.id, release.version, today);
      total.run(release.kind, release.id);
    },

    of({ kind, id }) {
      const rows = database
        .query<{ version: string; count: number }, [string, string]>(
          "SELECT version, sum(count) AS count FROM downloads WHERE kind = ? AND id = ? GROUP BY version",
        )
        .all(kind, id);
      return {
        total: rows.reduce((sum, { count }) => sum + count, 0),
        versions: Object.fromEntries(rows.map((row) => [row.version, row.count])),
      };
    },
  };
}

/** What was found in archives, by their digest. It is this server's word, and signed by nobody: whoever installs looks again with the same rules. */
import type { Database } from "bun:sqlite";
import type { ArchiveEntry } from "../archive/read.ts";
import type { Kind } from "../name.ts";
import type { Finding } from "../scan/finding.ts";
import { rulesVersion, scanPackage } from "../scan/scan.ts";

export interface Findings {
  /** Scans, and remembers. */
  look(sha256: string, kind: Kind, files: readonly ArchiveEntry[]): readonly Finding[];
  /** Undefined when nobody has looked with the rules of today. */
  of(sha256: string): readonly Finding[] | undefined;
}

export function createFindings(database: Database): Findings {
  const known = database.query<{ found: string }, [string, number]>("SELECT found FROM findings WHERE sha256 = ? AND rules = ?");
  const keep = database.query("INSERT OR REPLACE INTO findings (sha256, rules, found) VALUES (?, ?, ?)");
  const of: Findings["of"] = (sha256) => {
    const row = known.get(sha256, rulesVersion);
    return row ? (JSON.parse(row.found) as Finding[]) : undefined;
  };
  return {
    of,
    look(sha256, kind, files) {
      const before = of(sha256);
      if (before) return before;
      const found = scanPackage(kind, files);
      keep.run(sha256, rulesVersion, JSON.stringify(found));
      return found;
    },
  };
}

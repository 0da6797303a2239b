import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { gzipSync } from "bun";
import { walkSkill } from "./walk.ts";

const log = `2026-11-30T10:00:01Z INFO request=11aa22bb started
2026-11-30T10:00:02Z INFO request=11aa22bb done ms=12
2026-11-30T10:00:40Z INFO request=22bb33cc done ms=15
2026-11-30T10:01:00Z INFO configuration reloaded
2026-11-30T10:01:01Z INFO request=81f3a9c2 started
2026-11-30T10:01:02Z INFO request=81f3a9c2 asks the database
2026-11-30T10:01:03Z ERROR request=81f3a9c2 connection refused by 10.0.0.7:5432
2026-11-30T10:01:04Z ERROR request=81f3a9c2 failed
Traceback (most recent call last):
  in ask
2026-11-30T10:02:05Z ERROR request=93aa00b1 connection refused by 10.0.0.7:5432
2026-11-30T10:02:06Z ERROR pool is empty after 2000 ms=2000
2026-11-30T10:03:06Z ERROR pool is empty after 2001 ms=2001
`;
const other = `2026-11-30T10:00:59Z LOG configuration file changed
2026-11-30T10:01:00Z LOG listening on 10.0.0.8:5432
`;
const jsonl = `{"time":"10:00","level":"info","msg":"up","ms":3,"path":"/"}
a line that is no JSON
{"time":"10:01","level":"error","msg":"disk full"}
{"time":"10:02","level":"error","msg":"disk full","ms":950,"path":"/save"}
`;

walkSkill("log-reading", {
  declare: testWith("jq"),
  pages: { without: "references/journal.md" },
  async prepare({ folder }) {
    writeFileSync(join(folder, "app.log"), log);
    writeFileSync(join(folder, "app.log.1.gz"), gzipSync(log));
    writeFileSync(join(folder, "db.log"), other);
    writeFileSync(join(folder, "app.jsonl"), jsonl);
    return undefined;
  },
  flow: ["1. What is it, and of when", "2. What kinds of trouble, and how often", "3. What happened just before"],
  outcomes: {
    "1. What is it, and of when": /app.log\n13\n2026-11-30T10:00:01Z .*\n2026-11-30T10:03:06Z /,
    "2. What kinds of trouble, and how often": [
      /^ +2 ERROR request=(ID|N) connection refused by N.N.N.N:N\n +2 ERROR pool is empty after N ms=N\n/m,
      /^7:.*\n12:/,
    ],
    "3. What happened just before": [/^4: .* configuration reloaded\n[\s\S]*^10: {3}in ask\n$/m, /^5:.*\n6:.*\n7:.*\n8:.*\n$/],
    "4. When did it change": [
      /^ +2 2026-11-30T10:01\n +2 2026-11-30T10:02\n +1 2026-11-30T10:03\n$/,
      /configuration reloaded[\s\S]*after 2000 .*\n$/,
    ],
    "JSON lines": "10:01\tdisk full\n10:02\tdisk full\n      2 disk full\n950\t/save\n3\t/",
    "Very large files": /^13\n7:.*\n8:.*\n11:/,
    "recipes.md: Two logs in order of time": /^2026-11-30T10:00:59Z db.log LOG[\s\S]*app.log ERROR/,
    "recipes.md: Percentiles": "n=4 p50=2000 p95=2001 max=2001",
    "recipes.md: Messages of several lines": /ERROR request=81f3a9c2 failed \| Traceback \(most recent call last\): \| {3}in ask/,
    "recipes.md: Compressed and rotated": "5\n5",
    "recipes.md: Follow, with an end": "nothing new",
  },
});

// Whose machine has no journal is told so: what is tested is that the options are ones that it knows.
walkSkill("log-reading", {
  declare: testWith("journal"),
  pages: { only: "references/journal.md" },
  outcomes: { "journal.md: The systemd journal": [/^/, /^/] },
});

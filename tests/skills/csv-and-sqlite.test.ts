import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { walkSkill } from "./walk.ts";

walkSkill("csv-and-sqlite", {
  async prepare({ folder }) {
    const write = (name: string, ...lines: readonly string[]) => writeFileSync(join(folder, name), lines.join("\n"));
    write(
      "orders.csv",
      "Number,Customer,Day,Amount",
      "1,a,2026-11-30,10.50",
      "2,a,2026-12-01,4.25",
      "3,b,2026-12-01,",
      '4,"z",2026-12-01,1',
      "4,b,2026-12-02,2",
    );
    write("customers.csv", "Id;Name;City;Credit", "a;Ada;London;1.234,50", "b;Bob;;0");
    write("customers-new.csv", "Id;Name;City;Credit", "a;Ada;Paris;1.234,50", "c;Cleo;Rome;0");
    write("visits.csv", "Day,Guests", "02.12.2026,5", "30.11.2026,3");
    return undefined;
  },
  flow: ["1. Look", "2. Import", "3. Ask"],
  outcomes: {
    "1. Look":
      /^5 rows, separator ",", utf-8\ncolumn +title +type +empty +example +note\nnumber +Number +INTEGER +0 +1\n[\s\S]*amount +Amount +REAL +1 +10.50\n$/,
    "2. Import":
      "orders: 5 rows, number INTEGER, customer TEXT, day TEXT, amount REAL\ncustomers: 2 rows, id TEXT, name TEXT, city TEXT, credit REAL\n" +
      "customers: 2 rows, id TEXT, name TEXT, city TEXT, credit REAL\norders: 5 rows, number INTEGER, customer TEXT, day TEXT, amount REAL",
    "3. Ask": [
      "name  orders  total\nAda   2       14.75\nBob   2       2",
      "all_orders  with_customer  customers\n5           4              3",
      /^number +customer +day +amount\n4 +z +2026-12-01 +1\nnumber +times\n4 +2\n$/,
    ],
    "4. Hand over": /^by-day.csv: 3 rows\n\[\n {2}\{\n {4}"name": "Ada",\n {4}"city": "London"/,
    Rules: /^id +name +city +credit\nb +Bob +0\n1 rows changed\n$/,
    "recipes.md: Dates that are not ISO": /^visits: .*\n0 rows changed\nday +guests\n2026-11-30 +3\n2026-12-02 +5\n$/,
    "recipes.md: By week and by month": /2026-11 +48 +3\n2026-12 +48 +5\n$/,
    "recipes.md: Running totals, and the difference to the row before": /2026-11-30 +3 +3\n2026-12-02 +5 +8 +2\n$/,
    "recipes.md: The first of each group": /\na +1 +10.5\nb +4 +2\nz +4 +1\n$/,
    "recipes.md: What differs between two lists": /\ngone +b +Bob\nnew +c +Cleo\nchanged +a +Ada\n$/,
  },
  async after({ folder }) {
    expect(readFileSync(join(folder, "by-day.csv"), "utf8")).toBe("day,amount\r\n2026-11-30,10.5\r\n2026-12-01,5.25\r\n2026-12-02,2\r\n");
  },
});

const script = join(dirname(dirname(import.meta.dir)), "skills", "csv-and-sqlite", "scripts", "table.ts");

/** Runs the script several times in one folder that has this file; the last answer. */
async function ask(csv: string | Uint8Array, ...calls: readonly (readonly string[])[]) {
  const folder = mkdtempSync(join(tmpdir(), "pincer-table-"));
  try {
    writeFileSync(join(folder, "t.csv"), csv);
    let said = { out: "", err: "", exit: 0 };
    for (const words of calls) {
      const child = Bun.spawn([process.execPath, script, ...words], { cwd: folder, stdout: "pipe", stderr: "pipe" });
      const [out, err, exit] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
      said = { out, err, exit };
    }
    return said;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const imported = async (csv: string | Uint8Array, ...more: readonly string[]) => {
  const { out } = await ask(csv, ["import", "t.db", "t.csv", ...more], ["query", "t.db", "SELECT * FROM t", "--json"]);
  return JSON.parse(out) as readonly Record<string, unknown>[];
};

test.each([
  ["quotes, separators and lines within a cell", 'a,b\n"x, ""y""","1\n2"\n', [{ a: 'x, "y"', b: "1\n2" }]],
  [
    "lines that end as on Windows, and a last one that does not end",
    "a,b\r\n1,2\r\n3,4",
    [
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ],
  ],
  ["zeros in front are kept", "code\n01067\n10115\n", [{ code: "01067" }, { code: "10115" }]],
  ["numbers too long to be exact are kept as they are", "n\n12345678901234567890\n", [{ n: "12345678901234567890" }]],
  [
    "titles with spaces, accents, twice, or none",
    "Straße, e-Mail ,e mail,\n1,2,3,4\n",
    [{ straße: 1, e_mail: 2, e_mail_2: 3, column_4: 4 }],
  ],
  ["a mark at the beginning is no part of the title", "\ufeffname\nx\n", [{ name: "x" }]],
  ["empty lines are no rows", "a,b\n\n1,2\n\n", [{ a: 1, b: 2 }]],
  ["tabs", "a\tb\nx y\t2\n", [{ a: "x y", b: 2 }]],
] as const)("%s", async (_, csv, wanted) => {
  expect(await imported(csv)).toEqual([...wanted]);
});

test("what a spreadsheet on Windows exports is read with its letters and its commas", async () => {
  const bytes = Buffer.from("Stra\u00dfe;Preis\nM\u00fchlweg;1.234,50\n", "latin1");
  expect(await imported(bytes, "--decimal", ",")).toEqual([{ straße: "Mühlweg", preis: 1234.5 }]);
  const wide = Buffer.from("\ufeffa;b\nü;1\n", "utf16le");
  expect(await imported(wide)).toEqual([{ a: "ü", b: 1 }]);
});

test.each([
  [["query", "t.db", "DELETE FROM t"], 2, /expected a statement that reads/],
  [["query", "t.db", "INSERT INTO t VALUES (9, 9) RETURNING a"], 1, /readonly/],
  [["query", "t.db", "SELECT colour FROM t"], 1, /no such column: colour/],
  [["query", "none.db", "SELECT 1"], 1, /there is no database none.db/],
  [["import", "t.db", "t.csv"], 1, /there is a table t in t.db already: say --replace, --append, or --table/],
  [["import", "t.db"], 2, /expected a database, a CSV file; came "t.db"/],
  [["look", "t.csv", "--decimals", ","], 2, /there is no option --decimals; there are: --table/],
  [["dance"], 2, /there is no "dance"\ntable.ts look/],
] as const)("%p is refused in words, and changes nothing", async (words, exit, says) => {
  const before = ["import", "t.db", "t.csv"];
  expect(await ask("a,b\n1,2\n", before, words)).toMatchObject({ exit, err: expect.stringMatching(says) });
  const { out } = await ask("a,b\n1,2\n", before, words, ["query", "t.db", "SELECT * FROM t", "--csv"]);
  expect(out).toBe("a,b\n1,2\n");
});

test("a file that is not in order is named with the line", async () => {
  expect(await ask("a,b\n1,2\n1,2,3\n", ["look", "t.csv"])).toMatchObject({
    exit: 1,
    err: expect.stringMatching(/line 3: expected 2 cells as in the first line, came 3/),
  });
  expect(await ask('a,b\n1,"2\n', ["look", "t.csv"])).toMatchObject({
    exit: 1,
    err: expect.stringMatching(/line 2: expected a closing quote/),
  });
  expect((await ask("a,b\n1\n", ["look", "t.csv"])).out).toContain("note: 1 rows are shorter than the first line, from line 2 on");
});

test("what a change cannot finish it does not begin", async () => {
  const { out } = await ask(
    "a,b\n1,2\n2,2\n",
    ["import", "t.db", "t.csv"],
    ["change", "t.db", "CREATE UNIQUE INDEX one ON t (a)"],
    ["change", "t.db", "UPDATE t SET a = 5"],
    ["query", "t.db", "SELECT a FROM t", "--csv"],
  );
  expect(out).toBe("a\n1\n2\n");
});

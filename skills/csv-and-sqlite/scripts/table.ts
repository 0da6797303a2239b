#!/usr/bin/env bun
/** CSV files and SQLite databases: looked at, imported, asked, written out. Says how when it is called without words. */
import { Database, SQLiteError } from "bun:sqlite";
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { type Column, cellValue, columnsOf, tableName } from "./columns.ts";
import { csvLine, decoded, rowsOf, separatorOf, TableProblem } from "./csv.ts";

const HELP = `table.ts look    <file.csv>                                   columns, types, first rows, what is odd
table.ts import  <file.db> <file.csv> [--table <name>] [--replace | --append]
table.ts tables  <file.db>                                    tables with their columns and number of rows
table.ts query   <file.db> <select ...> [--limit <rows>] [--json | --csv]
table.ts change  <file.db> <update ...>                       the only one that changes a database; in one step, or not at all
table.ts export  <file.db> <select ...> <file.csv>
Of CSV: --separator <character>, --decimal , (1.234,50).`;

class UsageProblem extends TableProblem {}

const options = ["table", "limit", "separator", "decimal"] as const;
const switches = ["replace", "append", "json", "csv"] as const;

interface Call {
  readonly words: readonly string[];
  readonly options: Partial<Record<(typeof options)[number], string>>;
  readonly switches: ReadonlySet<string>;
}

function read(given: readonly string[]): Call {
  const call = { words: [] as string[], options: {} as Record<string, string>, switches: new Set<string>() };
  for (let at = 0; at < given.length; at += 1) {
    const word = given[at]!;
    const name = word.slice(2);
    if (!/^--[a-z]/.test(word)) call.words.push(word);
    else if (switches.some((one) => one === name)) call.switches.add(name);
    else if (options.some((one) => one === name)) {
      const value = given[++at];
      if (value === undefined) throw new UsageProblem(`expected a value behind ${word}, came none`);
      call.options[name] = value;
    } else throw new UsageProblem(`there is no option ${word}; there are: --${[...options, ...switches].join(", --")}`);
  }
  return call;
}

interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
  readonly separator: string;
  readonly encoding: string;
  readonly decimal: "." | ",";
}

const mostBytes = 200_000_000;

function readTable(file: string, { options: { separator: given, decimal = "." } }: Call): Table {
  if (!existsSync(file)) throw new TableProblem(`there is no file ${file}`);
  if (statSync(file).size > mostBytes)
    throw new TableProblem(`expected at most ${mostBytes} bytes, came ${statSync(file).size}: split the file first`);
  if (decimal !== "." && decimal !== ",") throw new UsageProblem(`expected --decimal as . or , and came ${JSON.stringify(decimal)}`);
  const { text, encoding } = decoded(readFileSync(file));
  const separator = given === undefined ? separatorOf(text) : given === "\\t" ? "\t" : given;
  if (separator.length !== 1) throw new UsageProblem(`expected --separator as one character, came ${JSON.stringify(separator)}`);
  const [head, ...rest] = rowsOf(text, separator);
  if (head === undefined) throw new TableProblem(`${file} is empty`);
  const titles = head.cells.map((title) => title.trim());
  const uneven = rest.filter(({ cells }) => cells.length !== titles.length);
  const longer = uneven.find(({ cells }) => cells.length > titles.length);
  if (longer !== undefined)
    throw new TableProblem(
      `line ${longer.line}: expected ${titles.length} cells as in the first line, came ${longer.cells.length}: a separator in a text that is in no quotes?`,
    );
  const notes = [
    ...(uneven.length === 0
      ? []
      : [`${uneven.length} rows are shorter than the first line, from line ${uneven[0]!.line} on: what is missing is empty`]),
    ...(titles.every((title) => /^-?[\d.,]+$/.test(title)) ? ["the first line looks like data: there may be no titles"] : []),
  ];
  const rows = rest.map(({ cells }) => cells);
  return { columns: columnsOf(titles, rows, decimal), rows, notes, separator, encoding, decimal };
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

function open(file: string, mode: "read" | "write" | "create"): Database {
  if (mode !== "create" && !existsSync(file)) throw new TableProblem(`there is no database ${file}`);
  const database = new Database(file, mode === "read" ? { readonly: true } : { create: mode === "create", readwrite: true });
  database.run("PRAGMA busy_timeout = 5000");
  return database;
}

/** Aligned; long cells are cut, since a row is to be read and not to be copied. */
const widest = 40;
function shown(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cell = (value: unknown) => {
    const text = value === null ? "" : value instanceof Uint8Array ? `(${value.length} bytes)` : String(value).replace(/\s+/g, " ");
    return text.length > widest ? `${text.slice(0, widest - 1)}…` : text;
  };
  const all = [head, ...rows].map((row) => row.map(cell));
  const widths = head.map((_, at) => Math.max(...all.map((row) => Bun.stringWidth(row[at] ?? ""))));
  return all
    .map((row) =>
      row
        .map((text, at) => text + " ".repeat(widths[at]! - Bun.stringWidth(text)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function select(file: string, sql: string) {
  using database = open(file, "read");
  const statement = database.query(sql);
  if (statement.columnNames.length === 0) throw new UsageProblem("expected a statement that reads; what changes something is for `change`");
  return { head: statement.columnNames, rows: statement.values() as readonly (readonly unknown[])[] };
}

const verbs: Readonly<Record<string, (call: Call) => void>> = {
  look(call) {
    const [file = ""] = wanted(call, "a CSV file");
    const { columns, rows, notes, separator, encoding } = readTable(file, call);
    console.log(`${rows.length} rows, separator ${JSON.stringify(separator)}, ${encoding}`);
    const list = columns.map(({ name, title, type, empty, example, note }) => [name, title, type, empty, example, note]);
    console.log(shown(["column", "title", "type", "empty", "example", "note"], list));
    for (const note of notes) console.log(`note: ${note}`);
  },
  import(call) {
    const [file = "", csv = ""] = wanted(call, "a database", "a CSV file");
    const { columns, rows, notes, decimal } = readTable(csv, call);
    const table = call.options.table ?? tableName(basename(csv, extname(csv)));
    using database = open(file, "create");
    const isThere = database.query("SELECT 1 FROM sqlite_master WHERE name = ?").get(table) !== null;
    if (isThere && !call.switches.has("replace") && !call.switches.has("append"))
      throw new TableProblem(`there is a table ${table} in ${file} already: say --replace, --append, or --table <another name>`);
    database.transaction(() => {
      if (isThere && call.switches.has("replace")) database.run(`DROP TABLE ${quoted(table)}`);
      if (!isThere || call.switches.has("replace"))
        database.run(`CREATE TABLE ${quoted(table)} (${columns.map(({ name, type }) => `${quoted(name)} ${type}`).join(", ")})`);
      const names = columns.map(({ name }) => quoted(name)).join(", ");
      const insert = database.query(`INSERT INTO ${quoted(table)} (${names}) VALUES (${columns.map(() => "?").join(", ")})`);
      for (const row of rows) insert.run(...columns.map(({ type }, at) => cellValue(row[at] ?? "", type, decimal)));
    })();
    console.log(`${table}: ${rows.length} rows, ${columns.map(({ name, type }) => `${name} ${type}`).join(", ")}`);
    for (const note of notes) console.log(`note: ${note}`);
  },
  tables(call) {
    const [file = ""] = wanted(call, "a database");
    using database = open(file, "read");
    const names = database
      .query("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name")
      .values() as [string][];
    const list = names.map(([name]) => {
      const columns = database.query(`PRAGMA table_info(${quoted(name)})`).all() as { name: string; type: string }[];
      const count = database.query(`SELECT count(*) AS n FROM ${quoted(name)}`).get() as { n: number };
      return `${name}: ${count.n} rows, ${columns.map((column) => `${column.name} ${column.type}`.trim()).join(", ")}`;
    });
    console.log(list.join("\n") || "no tables");
  },
  query(call) {
    const [file = "", sql = ""] = wanted(call, "a database", "a statement");
    const limit = Number(call.options.limit ?? 50);
    if (!Number.isInteger(limit) || limit < 1)
      throw new UsageProblem(`expected --limit from 1 on, came ${JSON.stringify(call.options.limit)}`);
    const { head, rows } = select(file, sql);
    const some = rows.slice(0, limit);
    if (call.switches.has("json"))
      console.log(
        JSON.stringify(
          some.map((row) => Object.fromEntries(head.map((name, at) => [name, row[at]]))),
          null,
          2,
        ),
      );
    else if (call.switches.has("csv")) console.log([head, ...some].map(csvLine).join("\n"));
    else console.log(shown(head, some));
    if (rows.length > limit) console.error(`${rows.length - limit} more rows: --limit ${rows.length}, or export`);
    else if (rows.length === 0) console.error("no rows");
  },
  change(call) {
    const [file = "", sql = ""] = wanted(call, "a database", "a statement");
    using database = open(file, "write");
    const { changes } = database.transaction(() => database.run(sql))();
    console.log(`${changes} rows changed`);
  },
  export(call) {
    const [file = "", sql = "", out = ""] = wanted(call, "a database", "a statement", "a CSV file");
    const { head, rows } = select(file, sql);
    writeFileSync(`${out}.new`, `${[head, ...rows].map(csvLine).join("\r\n")}\r\n`);
    renameSync(`${out}.new`, out);
    console.log(`${out}: ${rows.length} rows`);
  },
};

function wanted({ words }: Call, ...what: readonly string[]): readonly string[] {
  if (words.length !== what.length)
    throw new UsageProblem(
      `expected ${what.join(", ")}; came ${words.length === 0 ? "nothing" : words.map((word) => JSON.stringify(word)).join(" ")}`,
    );
  return words;
}

const [verb = "", ...given] = process.argv.slice(2);
try {
  if (!Object.hasOwn(verbs, verb)) throw new UsageProblem(verb === "" ? "expected a verb" : `there is no ${JSON.stringify(verb)}`);
  verbs[verb]!(read(given));
} catch (error) {
  if (!(error instanceof TableProblem || error instanceof SQLiteError)) throw error;
  console.error(`error: ${error.message}`);
  if (error instanceof UsageProblem) console.error(HELP);
  process.exitCode = error instanceof UsageProblem ? 2 : 1;
}

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import type { Exported } from "./exported.ts";
import { swift } from "./swift.ts";
import { typescript } from "./typescript.ts";

const repository = dirname(dirname(import.meta.dir));
const plain = (schema: TSchema) => JSON.parse(JSON.stringify(schema));

const Params = Type.Object(
  {
    key: Type.String({ minLength: 1 }),
    "sort-by": Type.Optional(Type.Union([Type.Literal("updatedAt"), Type.Literal("class")])),
    limit: Type.Optional(Type.Integer()),
    note: Type.Union([Type.String(), Type.Null()]),
    any: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  },
  { additionalProperties: false },
);
const Result = Type.Object({
  ok: Type.Literal(true),
  rows: Type.Array(Type.Object({ id: Type.String(), default: Type.Optional(Type.Boolean()) })),
  counts: Type.Record(Type.String(), Type.Number()),
  pair: Type.Tuple([Type.String(), Type.Number()]),
  more: Type.Unknown(),
});
/** In the generated file the compiler must find an error in the next line. */
const refused = ["@ts", "expect", "error"].join("-");

const exported: Exported = {
  protocol: 4,
  version: "0.1.0",
  methods: {
    "rows.list": { summary: "Rows */ of a table", scope: "operator.read", params: plain(Params), result: plain(Result) },
    run: {
      summary: "Runs.",
      scope: "any",
      params: {},
      result: plain(Type.Array(Result)),
      accepted: plain(Type.Object({ status: Type.Literal("accepted") })),
    },
  },
  events: { "rows.changed": { summary: "A row changed", scope: "any", payload: plain(Type.Object({ key: Type.String() })) } },
};

test("the TypeScript that is made accepts what the schemas accept, and nothing else", () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-types-"));
  const params: Static<typeof Params> = { key: "a", "sort-by": "class", note: null, any: ["x"] };
  writeFileSync(join(folder, "wire.ts"), typescript(exported));
  writeFileSync(
    join(folder, "use.ts"),
    `import type { Events, MethodName, Methods } from "./wire.ts";
    export const name: MethodName = "rows.list";
    export const good: Methods["rows.list"]["params"] = ${JSON.stringify(params)};
    export const rows = (result: Methods["rows.list"]["result"]): string[] => [...result.rows.map((row) => row.id), result.pair[0], String(result.counts["x"])];
    export const status: Methods["run"]["accepted"]["status"] = "accepted";
    export const event: Events["rows.changed"] = { key: "a" };
    // ${refused} the key is missing
    export const bad: Methods["rows.list"]["params"] = { note: "x" };
    // ${refused} there is no such order
    export const worse: Methods["rows.list"]["params"] = { key: "a", note: "x", "sort-by": "size" };\n`,
  );
  const compiler = [
    process.execPath,
    join(repository, "node_modules/.bin/tsc"),
    "--noEmit",
    "--strict",
    "--allowImportingTsExtensions",
    "--module",
    "preserve",
  ];
  const { exitCode, stdout } = Bun.spawnSync([...compiler, join(folder, "use.ts")], { cwd: folder });
  rmSync(folder, { recursive: true });
  expect({ exitCode, said: stdout.toString() }).toEqual({ exitCode: 0, said: "" });
});

test("the Swift that is made has a type for every schema, names that Swift allows, and balanced braces", () => {
  const text = swift(exported);
  for (const line of [
    "public struct RowsListParams: Codable, Sendable {",
    "    public var key: String",
    "    public var sortBy: RowsListParamsSortBy?",
    "    public var limit: Int?",
    "    public var note: String?",
    "    public var any: JSONValue?",
    '        case sortBy = "sort-by"',
    "public enum RowsListParamsSortBy: String, Codable, Sendable {",
    '    case `class` = "class"',
    "    public var rows: [RowsListResultRowsItem]",
    "    public var `default`: Bool?",
    "    public var counts: [String: Double]",
    "    public var pair: [JSONValue]",
    "public typealias RunParams = JSONValue",
    "public typealias RunResult = [RunResultItem]",
    '    case rowsList = "rows.list"',
    '    case rowsChanged = "rows.changed"',
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  expect(text.split("{").length).toBe(text.split("}").length);
  const declared = [...text.matchAll(/public (?:struct|enum|typealias) (\w+)/g)].map(([, name]) => name);
  expect(new Set(declared).size).toBe(declared.length);
});

import { describe, expect, test } from "bun:test";
import { type TSchema, Type } from "@sinclair/typebox";
import { fitsAsTypeBox } from "../tests/support/schemas.ts";
import { checkShape, fit } from "./config-fit.ts";
import type { Json } from "./json5.ts";
import type { Shape } from "./shape.ts";
import { suggestion } from "./suggestion.ts";

function fitted(schema: TSchema, value: Json | undefined) {
  const found: string[] = [];
  const outcome = fit(schema as Shape, value, ["it"], (level, path, message) => found.push(`${level} ${path.join(".")}: ${message}`));
  return { outcome, found };
}

test("defaults are filled in at every depth, and what is optional stays absent", () => {
  const schema = Type.Object({
    a: Type.Integer({ default: 1 }),
    inner: Type.Object({ b: Type.String({ default: "x" }), c: Type.Optional(Type.Object({ d: Type.String({ default: "y" }) })) }),
    list: Type.Array(Type.Object({ e: Type.Boolean({ default: true }) }), { default: [{}] }),
    map: Type.Record(Type.String(), Type.Object({ f: Type.Number({ default: 0.5 }) }), { default: {} }),
  });
  expect(fitted(schema, {})).toEqual({ outcome: { a: 1, inner: { b: "x" }, list: [{ e: true }], map: {} }, found: [] });
  expect(fitted(schema, { inner: { c: {} }, map: { k: {} } }).outcome).toMatchObject({ inner: { c: { d: "y" } }, map: { k: { f: 0.5 } } });
});

test("messages say what was expected in words that a person would use", () => {
  const said = (schema: TSchema, value: Json) => fitted(schema, value).found[0];
  expect(said(Type.Union([Type.Literal("none"), Type.Literal("token")]), "tokn")).toBe('error it: expected "none" or "token", came "tokn"');
  expect(said(Type.Array(Type.String(), { maxItems: 1 }), ["a", "b"])).toBe(
    "error it: expected array of at most 1 items, came an array of 2",
  );
  expect(said(Type.Number({ exclusiveMinimum: 0 }), 0)).toBe("error it: expected number above 0, came 0");
  expect(said(Type.Integer({ multipleOf: 5 }), 7)).toBe("error it: expected integer divisible by 5, came 7");
  expect(said(Type.Object({ a: Type.String() }), {})).toBe("error it.a: expected string, came nothing");
  expect(said(Type.String({ pattern: "^a" }), "b".repeat(99))).toEndWith(`came "${"b".repeat(59)}...`);
});

test("of several alternatives the nearest is blamed", () => {
  const schema = Type.Union([
    Type.Object({ kind: Type.Literal("every"), ms: Type.Integer() }),
    Type.Object({ kind: Type.Literal("at"), time: Type.String() }),
  ]);
  expect(fitted(schema, { kind: "at", time: "noon" })).toEqual({ outcome: { kind: "at", time: "noon" }, found: [] });
  expect(fitted(schema, { kind: "at", time: 5 }).found).toEqual(["error it.time: expected string, came 5"]);
});

test("a secret reference stands wherever a text is expected, and nowhere else", () => {
  expect(fitted(Type.String({ minLength: 40 }), { secret: "name" }).found).toEqual([]);
  expect(fitted(Type.Union([Type.Null(), Type.String()]), { secret: "name" }).found).toEqual([]);
  expect(fitted(Type.Integer(), { secret: "name" }).found).toHaveLength(1);
  expect(fitted(Type.String(), { secret: "name", more: 1 }).found).toHaveLength(1);
});

test("a schema that could not be checked faithfully is refused when it is declared", () => {
  for (const schema of [
    Type.Recursive((self) => Type.Object({ next: Type.Optional(self) })),
    Type.Not(Type.String()),
    Type.Object({ a: Type.Intersect([Type.String(), Type.String()]) }),
  ]) {
    expect(() => checkShape(schema as Shape, ["it"])).toThrow("cannot be checked");
  }
});

test("the same values fit as TypeBox says, for 20,000 random pairs of schema and value", () => {
  expect(fitsAsTypeBox(42, 20_000)).toBeGreaterThan(2000);
});

describe("a suggestion", () => {
  test("names the nearest word, and none when nothing is near", () => {
    expect(suggestion("prot", ["port", "bind"])).toBe('; did you mean "port"?');
    expect(suggestion("zzz", ["port", "bind"])).toBe("");
    expect(suggestion("x", [])).toBe("");
  });
});

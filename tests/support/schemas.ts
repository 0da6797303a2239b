/** Holds the fitting of configuration values against TypeBox. */
import { expect } from "bun:test";
import { fit, type Report } from "@pincer/plugin-sdk/config-fit";
import type { Json } from "@pincer/plugin-sdk/json5";
import type { Shape } from "@pincer/plugin-sdk/shape";
import { KindGuard, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

/** Throws at the first random pair of schema and value on which the two differ; answers how many values fitted. */
export function fitsAsTypeBox(seed: number, pairs: number): number {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const pick = <T>(items: readonly T[]): T => items[next(items.length)]!;
  const keys = ["a", "b", "constructor_", "1"];
  const schema = (depth: number): TSchema => {
    const kind = next(depth > 0 ? 13 : 8);
    if (kind === 0) return Type.String(pick([{}, { minLength: 1 }, { maxLength: 2 }, { pattern: "^a" }]));
    if (kind === 1) return Type.Integer(pick([{}, { minimum: 1 }, { maximum: 2 }, { multipleOf: 2 }]));
    if (kind === 2) return Type.Number(pick([{}, { exclusiveMinimum: 0 }, { exclusiveMaximum: 2 }]));
    if (kind === 3) return Type.Boolean();
    if (kind === 4) return Type.Null();
    if (kind === 5) return Type.Literal(pick(["a", 1, true]));
    if (kind === 6) return Type.Unknown();
    if (kind === 7) return Type.Union([Type.Literal("a"), Type.Literal("b")]);
    if (kind === 8) return Type.Array(schema(depth - 1), pick([{}, { minItems: 1 }, { maxItems: 2 }, { uniqueItems: true }]));
    if (kind === 9) return Type.Tuple([schema(depth - 1), schema(depth - 1)]);
    if (kind === 10) return Type.Record(Type.String(), schema(depth - 1));
    if (kind === 11) return Type.Union([branch(depth - 1), branch(depth - 1)]);
    return Type.Object(
      Object.fromEntries(keys.slice(next(4)).map((key) => [key, next(2) === 0 ? schema(depth - 1) : Type.Optional(schema(depth - 1))])),
    );
  };
  /** TypeBox lets a required member of a union with Unknown be absent, which JSON cannot say. */
  const branch = (depth: number): TSchema => {
    const made = schema(depth);
    return KindGuard.IsUnknown(made) ? Type.Null() : made;
  };
  const value = (depth: number): Json => {
    const kind = next(depth > 0 ? 8 : 6);
    if (kind < 6) return pick([null, true, "a", "", "abc", 0, 1, 2.5, 4]);
    if (kind === 6) return Array.from({ length: next(4) }, () => value(depth - 1));
    return Object.fromEntries(keys.slice(next(5)).map((key) => [key, value(depth - 1)]));
  };
  let fits = 0;
  for (let i = 0; i < pairs; i += 1) {
    const [shape, given] = [schema(3), value(3)];
    let isFit = true;
    const report: Report = (level) => {
      if (level === "error") isFit = false;
    };
    const outcome = fit(shape as Shape, given, ["it"], report);
    // What fits may have been completed; what does not fit did not as it came.
    expect({ i, shape, given, isFit }).toEqual({ i, shape, given, isFit: Value.Check(shape, isFit ? outcome : given) });
    if (isFit) fits += 1;
  }
  return fits;
}

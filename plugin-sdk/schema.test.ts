import { expect, test } from "bun:test";
import { type TSchema, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import { checker, requireValid } from "./check.ts";
import { Bytes } from "./contract.ts";
import { channel } from "./contracts/channel.ts";
import { llm } from "./contracts/llm.ts";
import { sessions } from "./contracts/sessions.ts";
import { reviveSchema } from "./schema.ts";

/** Small, fast, and the same on every machine. */
function random(seed: number) {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state / 0x1_0000_0000;
  };
  return {
    int: (below: number) => Math.floor(next() * below),
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!,
  };
}
type Random = ReturnType<typeof random>;

const names = ["a", "b", "key", "with space", "quote'", "back\\slash", "ünï"];

function anySchema(r: Random, depth: number): TSchema {
  const leaf: (() => TSchema)[] = [
    () =>
      Type.String(
        r.pick([{}, { minLength: r.int(4) }, { maxLength: r.int(4) }, { pattern: "^[a-z/']*$" }, { description: "d", default: "x" }]),
      ),
    () => Type.Number(r.pick([{}, { minimum: 1 }, { exclusiveMaximum: 3 }, { multipleOf: 2 }])),
    () => Type.Integer(r.pick([{}, { maximum: 2 }, { exclusiveMinimum: 0 }])),
    () => Type.Boolean(),
    () => Type.Null(),
    () => Type.Literal(r.pick(["a", "quote'", "back\\slash", 1, true])),
    () => Type.Enum({ A: "a", B: 1 }),
    () => Type.Unknown(),
    () => Type.Any(),
    () => Type.Never(),
    () => Type.TemplateLiteral([Type.Literal("k"), Type.Number()]),
    () => Bytes(),
  ];
  if (depth === 0) return r.pick(leaf)();
  const child = () => anySchema(r, depth - 1);
  const fields = () =>
    Object.fromEntries(Array.from({ length: r.int(4) }, () => [r.pick(names), r.int(2) ? Type.Optional(child()) : child()]));
  const deep: (() => TSchema)[] = [
    () =>
      Type.Object(fields(), r.pick<object>([{}, { additionalProperties: false }, { additionalProperties: child() }, { minProperties: 1 }])),
    () => Type.Array(child(), r.pick([{}, { minItems: 1 }, { maxItems: 2 }, { uniqueItems: true }, { contains: Type.Integer() }])),
    () => Type.Tuple(Array.from({ length: r.int(3) }, child)),
    () => Type.Union(Array.from({ length: 1 + r.int(3) }, child)),
    () => Type.Intersect([Type.Object(fields()), Type.Object(fields())]),
    () => Type.Composite([Type.Object(fields()), Type.Object(fields())]),
    () => Type.Record(Type.String(), child(), r.pick<object>([{}, { maxProperties: 1 }])),
    () => Type.Record(Type.RegExp(/^k/), child(), { additionalProperties: false }),
    () => Type.Not(child()),
    () => Type.Recursive((This) => Type.Object({ ...fields(), next: Type.Optional(This), all: Type.Optional(Type.Array(This)) })),
    () =>
      Type.Module({
        Leaf: Type.Object(fields()),
        Tree: Type.Object({ leaf: Type.Ref("Leaf"), kids: Type.Array(Type.Ref("Tree")) }),
      }).Import("Tree"),
  ];
  return r.pick(r.int(4) === 0 ? leaf : deep)();
}

function anyValue(r: Random, depth: number): unknown {
  const leaf = ["", "a", "abc", "k1", "quote'", "back\\slash", 0, 1, 2, 2.5, -3, true, false, null, new Uint8Array(2)];
  if (depth === 0 || r.int(3) === 0) return r.pick(leaf);
  if (r.int(3) === 0) return Array.from({ length: r.int(4) }, () => anyValue(r, depth - 1));
  return Object.fromEntries(
    Array.from({ length: r.int(4) }, () => [r.pick([...names, "__proto__", "next", "all", "leaf", "kids", "k1"]), anyValue(r, depth - 1)]),
  );
}

/** A value that is often right, so that both verdicts are seen. */
function nearValue(r: Random, schema: TSchema, depth = 4): unknown {
  if (depth === 0 || r.int(12) === 0) return anyValue(r, 2);
  const near = (child: TSchema) => nearValue(r, child, depth - 1);
  if ("const" in schema) return schema.const;
  if (schema.anyOf) return near(r.pick(schema.anyOf as TSchema[]));
  if (schema.allOf) return Object.assign({}, ...(schema.allOf as TSchema[]).map(near));
  if (schema.$defs) return near(schema.$defs[schema.$ref]);
  if (schema.type === "array" && Array.isArray(schema.items)) return schema.items.map(near);
  if (schema.type === "array") return Array.from({ length: r.int(3) }, () => near(schema.items ?? Type.Unknown()));
  if (schema.patternProperties) return { k: near(Object.values<TSchema>(schema.patternProperties)[0]!) };
  if (schema.type === "object") {
    const kept = Object.entries<TSchema>(schema.properties).filter(([name]) => schema.required?.includes(name) || r.int(3) === 0);
    return Object.fromEntries(kept.map(([name, child]) => [name, near(child)]));
  }
  const plain: Record<string, readonly unknown[]> = {
    string: ["", "a", "abc", "k1", "k2"],
    number: [0, 1, 2, 2.5],
    integer: [-3, 0, 1, 2],
    boolean: [true, false],
    null: [null],
    bytes: [new Uint8Array(2)],
  };
  return r.pick(plain[schema.type] ?? [anyValue(r, 2)]);
}

test("a schema gives the same verdict before and after it was a manifest's JSON, interpreted and compiled", () => {
  let agreed = 0;
  let accepted = 0;
  for (let seed = 1; seed <= 4000; seed++) {
    const r = random(seed);
    const schema = anySchema(r, 3);
    const revived = reviveSchema(JSON.parse(JSON.stringify(schema)));
    const compiled = seed % 8 === 0 ? ([TypeCompiler.Compile(schema), TypeCompiler.Compile(revived)] as const) : undefined;
    for (let n = 0; n < 12; n++) {
      const value = nearValue(r, schema);
      const before = Value.Check(schema, value);
      const told = `seed ${seed}: ${JSON.stringify(schema)} against ${JSON.stringify(value)}`;
      if (Value.Check(revived, value) !== before) throw new Error(`the interpreter says otherwise, ${told}`);
      if (compiled?.some((check) => check.Check(value) !== before)) throw new Error(`the compiler says otherwise, ${told}`);
      agreed++;
      if (before) accepted++;
    }
  }
  expect(agreed).toBe(48_000);
  expect(accepted).toBeGreaterThan(5000);
  expect(accepted).toBeLessThan(45_000);
});

test.each([
  [{ const: null }, null],
  [{ type: "object", properties: { "a\nb": { type: "string" } } }, { "a\nb": "x" }],
  [{ type: "string", pattern: "^\n$" }, "\n"],
])("a schema that the compiler refuses is held to all the same, however often: %j", async (json, value) => {
  const [schema, refuse] = [reviveSchema(json), (how: string) => new Error(how)];
  await checker(Type.Null()); // the compiler is there
  for (let n = 0; n < 100; n++) {
    requireValid(schema, value, refuse);
    expect(() => requireValid(schema, 7, refuse)).toThrow("expected");
  }
});

test("every schema of the contracts survives the manifest", () => {
  for (const contract of [channel, llm, sessions]) {
    for (const member of Object.values(contract.members)) {
      for (const schema of [member.params, member.result]) {
        const revived = reviveSchema(JSON.parse(JSON.stringify(schema)));
        expect(Value.Check(revived, {})).toBe(Value.Check(schema, {}));
        expect(Value.Check(revived, Value.Create(schema))).toBe(true);
      }
    }
  }
});

test("defaults of a manifest's schema are applied as those of the code", () => {
  const schema = Type.Object({
    a: Type.String({ default: "x" }),
    b: Type.Optional(Type.Object({ c: Type.Integer({ default: 3 }) }, { default: {} })),
  });
  expect(Value.Default(reviveSchema(JSON.parse(JSON.stringify(schema))), {})).toEqual({ a: "x", b: { c: 3 } });
});

test.each([
  [{ oneOf: [] }, "/", "oneOf"],
  [{ type: ["string", "null"] }, "/type", "single known type"],
  [{ type: "object", properties: { a: { type: "date" } } }, "/properties/a/type", "date"],
  [{ type: "object", properties: { a: {} }, patternProperties: { x: {} } }, "/", "alone"],
  [{ type: "object", required: ["a"] }, "/required", "not among"],
  [{ properties: {} }, "/", 'the type "object"'],
  [{ minimum: 3 }, "/", "needs a type"],
  [{ type: "number", minimum: "1) || steal(" }, "/minimum", "expected a number"],
  [{ type: "string", pattern: "(" }, "/pattern", "missing )"],
  [{ type: "array", items: [{}] }, "/", "maxItems 1"],
  [{ $ref: "Nowhere" }, "/$ref", "Nowhere"],
  [{ $id: "Self", $ref: "Self" }, "/$ref", "Self"],
  [{ enum: [{}] }, "/enum/0", "expected a string"],
  ["text", "/", "expected an object"],
] as const)("what cannot be checked is refused with its place: %j", (json, path, said) => {
  expect(() => reviveSchema(json)).toThrow(`schema at ${path}:`);
  expect(() => reviveSchema(json)).toThrow(said);
});

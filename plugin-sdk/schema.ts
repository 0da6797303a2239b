/**
 * Plain JSON Schema, as a manifest holds it, back into TypeBox values, so that the kernel checks configurations, parameters and payloads,
 * and the agent a tool's arguments, without loading a plugin's code. What cannot be checked faithfully is refused, never ignored.
 */
import { Hint, Kind, OptionalKind, type TSchema, Type } from "@sinclair/typebox";
import { defineErrors } from "./error.ts";

export const schemaErrors = defineErrors({
  SCHEMA_UNSUPPORTED: { message: "the JSON Schema says something that cannot be checked here", wire: "INVALID_REQUEST" },
});

type Json = Readonly<Record<string, unknown>>;

/** At most one of these decides what a schema is; `$defs` stands beside `$ref`, everything else narrows. */
const deciding = ["$ref", "const", "enum", "anyOf", "allOf", "not", "properties", "patternProperties", "items"];
const unknown = /^(oneOf|if|then|else|dependent\w+|dependencies|prefixItems|propertyNames|\$dynamicRef|unevaluatedItems|definitions)$/;
const numeric = /^(min|max|exclusiveM)(imum|inimum|aximum|Length|Items|Properties|Contains)$|^multipleOf$/;
const typed = /^(required|additionalProperties|pattern|format|uniqueItems|contains)$/;
const plainTypes: Readonly<Record<string, string>> = {
  string: "String",
  number: "Number",
  integer: "Integer",
  boolean: "Boolean",
  null: "Null",
  bytes: "Bytes",
};

const revived = new WeakMap<object, TSchema>();

/** Throws `SCHEMA_UNSUPPORTED`, which names the place. The same object gives the same value again. */
export function reviveSchema(json: unknown): TSchema {
  const known = typeof json === "object" && json !== null ? revived.get(json) : undefined;
  if (known) return known;
  const schema = revive(json, "", new Set());
  revived.set(json as object, schema);
  return schema;
}

const ofKind = (kind: string, json: Json) => ({ ...json, [Kind]: kind }) as unknown as TSchema;
const refuse = (path: string, said: string) => schemaErrors.SCHEMA_UNSUPPORTED(`schema at ${path || "/"}: ${said}`, { data: { path } });

function revive(json: unknown, path: string, ids: ReadonlySet<string>): TSchema {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw refuse(path, `expected an object, came ${JSON.stringify(json)}`);
  const schema = json as Json;
  checkKeywords(schema, path);
  const inside = typeof schema.$id === "string" ? new Set([...ids, schema.$id]) : ids;
  const kindAnd = (kind: string, children: Json = {}) => ofKind(kind, { ...schema, ...children });
  const one = (key: string) => revive(schema[key], `${path}/${key}`, inside);
  const list = (key: string) => array(schema[key], `${path}/${key}`).map((item, at) => revive(item, `${path}/${key}/${at}`, inside));
  const map = (key: string, scope: ReadonlySet<string> = inside) =>
    Object.fromEntries(
      Object.entries(object(schema[key], `${path}/${key}`)).map(([name, child]) => [name, revive(child, `${path}/${key}/${name}`, scope)]),
    );
  const open = (key: string): Json => (schema[key] === undefined || typeof schema[key] === "boolean" ? {} : { [key]: one(key) });

  if ("$ref" in schema) return reviveReference(schema, path, ids, kindAnd, map);
  if ("const" in schema) return literal(schema.const, path, kindAnd);
  if ("enum" in schema) {
    const members = array(schema.enum, `${path}/enum`).map((value, at) =>
      literal(value, `${path}/enum/${at}`, (kind) => ofKind(kind, kind === "Null" ? { type: "null" } : { const: value })),
    );
    return { ...kindAnd("Union", { anyOf: members }), [Hint]: "Enum" };
  }
  if ("anyOf" in schema) return kindAnd("Union", { anyOf: list("anyOf") });
  if ("allOf" in schema) return kindAnd("Intersect", { allOf: list("allOf"), ...open("unevaluatedProperties") });
  if (Bun.deepEquals(schema.not, {})) return kindAnd("Never");
  if ("not" in schema) return kindAnd("Not", { not: one("not") });
  switch (schema.type) {
    case "object": {
      if ("patternProperties" in schema) {
        const patterns = map("patternProperties");
        if (Object.keys(patterns).length !== 1) throw refuse(path, "expected exactly one pattern in patternProperties");
        return kindAnd("Record", { patternProperties: patterns, ...open("additionalProperties") });
      }
      const required = new Set(array(schema.required ?? [], `${path}/required`));
      const children = Object.entries("properties" in schema ? map("properties") : {});
      const properties = Object.fromEntries(
        children.map(([name, child]) => [name, required.has(name) ? child : { ...child, [OptionalKind]: "Optional" }]),
      );
      for (const name of required)
        if (!Object.hasOwn(properties, String(name))) throw refuse(`${path}/required`, `"${name}" is not among the properties`);
      return kindAnd("Object", { properties, ...open("additionalProperties") });
    }
    case "array": {
      if (!Array.isArray(schema.items)) {
        const contains = "contains" in schema ? { contains: one("contains") } : {};
        return kindAnd("Array", { items: "items" in schema ? one("items") : Type.Unknown(), ...contains });
      }
      const items = list("items");
      if (schema.minItems !== items.length || schema.maxItems !== items.length)
        throw refuse(path, `expected minItems and maxItems ${items.length} beside a list of items`);
      return kindAnd("Tuple", { items });
    }
    case undefined:
      return kindAnd("Unknown");
    default: {
      const kind = typeof schema.type === "string" && Object.hasOwn(plainTypes, schema.type) ? plainTypes[schema.type] : undefined;
      if (kind === undefined) throw refuse(`${path}/type`, `expected a single known type, came ${JSON.stringify(schema.type)}`);
      return kindAnd(kind);
    }
  }
}

function reviveReference(
  schema: Json,
  path: string,
  ids: ReadonlySet<string>,
  kindAnd: (kind: string, children?: Json) => TSchema,
  map: (key: string, scope: ReadonlySet<string>) => Json,
): TSchema {
  const name = String(schema.$ref);
  if ("$defs" in schema) {
    const names = new Set([...ids, ...Object.keys(object(schema.$defs, `${path}/$defs`))]);
    if (!names.has(name)) throw refuse(`${path}/$ref`, `"${name}" is not among $defs`);
    return kindAnd("Import", { $defs: map("$defs", names) });
  }
  if (!ids.has(name)) throw refuse(`${path}/$ref`, `nothing around it has the $id "${name}"`);
  return kindAnd("Ref");
}

function literal(value: unknown, path: string, kindAnd: (kind: string) => TSchema): TSchema {
  if (value === null) return kindAnd("Null");
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return kindAnd("Literal");
  throw refuse(path, `expected a string, number, boolean or null, came ${JSON.stringify(value)}`);
}

/** Also keeps the compiler, which writes some keywords into the code that it generates, from being given anything but their own types. */
function checkKeywords(schema: Json, path: string): void {
  for (const [key, value] of Object.entries(schema)) {
    if (unknown.test(key)) throw refuse(path, `the keyword "${key}" is not supported`);
    if (numeric.test(key) && !Number.isFinite(value)) throw refuse(`${path}/${key}`, `expected a number, came ${JSON.stringify(value)}`);
    if (/^(pattern|format|\$id|\$ref)$/.test(key) && typeof value !== "string")
      throw refuse(`${path}/${key}`, `expected a string, came ${JSON.stringify(value)}`);
    if (schema.type === undefined && !("allOf" in schema) && (numeric.test(key) || typed.test(key)))
      throw refuse(path, `"${key}" needs a type beside it`);
  }
  const decided = deciding.filter((key) => key in schema);
  if (decided.length > 1) throw refuse(path, `expected one of them alone: ${decided.join(", ")}`);
  const needs = { properties: "object", patternProperties: "object", items: "array" }[decided[0] ?? ""];
  if (needs && schema.type !== needs) throw refuse(path, `"${decided[0]}" needs the type "${needs}"`);
  for (const pattern of [schema.pattern, ...Object.keys((schema.patternProperties ?? {}) as Json)])
    if (pattern !== undefined) checkPattern(String(pattern), path);
}

function checkPattern(pattern: string, path: string): void {
  try {
    new RegExp(pattern);
  } catch (error) {
    throw refuse(`${path}/pattern`, (error as Error).message);
  }
}

function array(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse(path, `expected a list, came ${JSON.stringify(value)}`);
  return value;
}

function object(value: unknown, path: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw refuse(path, `expected an object, came ${JSON.stringify(value)}`);
  return value as Json;
}

/** Compiled checks of schemas. A schema is compiled when it is first needed, and its compiler (10 ms) is loaded then. */
import type { TSchema } from "@sinclair/typebox";
import type { TypeCheck, ValueError } from "@sinclair/typebox/compiler";
import { describeShape, type Shape } from "./shape.ts";

const compiled = new WeakMap<TSchema, TypeCheck<TSchema>>();

/** What was expected where, and what came. Holds no value of the caller's, since that may be a secret. */
export interface Mismatch {
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

export async function checker(schema: TSchema): Promise<TypeCheck<TSchema>> {
  const known = compiled.get(schema);
  if (known) return known;
  const { TypeCompiler } = await import("@sinclair/typebox/compiler");
  const check = TypeCompiler.Compile(schema);
  compiled.set(schema, check);
  return check;
}

/** Throws what `refuse` makes of the first mismatch. Once the schema has been compiled it costs no turn of the event loop: no promise. */
export function requireValid(
  schema: TSchema,
  value: unknown,
  refuse: (described: string, mismatch: Mismatch) => Error,
): Promise<void> | undefined {
  const check = compiled.get(schema);
  if (!check) return checker(schema).then(() => requireValid(schema, value, refuse));
  if (check.Check(value)) return undefined;
  const mismatch = mismatchOf(check, value);
  throw refuse(describeMismatch(mismatch), mismatch);
}

/** The first mismatch of a value that the check refuses. */
export function mismatchOf(check: TypeCheck<TSchema>, value: unknown): Mismatch {
  const error = check.Errors(value).First();
  if (!error) return { path: "/", expected: "a value of the schema", got: describeValue(value) };
  return { path: error.path || "/", expected: expectedBy(error), got: describeValue(error.value) };
}

export const describeMismatch = ({ path, expected, got }: Mismatch): string => `at ${path}: expected ${expected}, got ${got}`;

/** What was expected where a value does not match. */
export function expectedBy({ schema, message }: ValueError): string {
  if (message === "Unexpected property") return "no such property";
  const isPlain = "type" in schema || "const" in schema || "anyOf" in schema;
  return isPlain ? describeShape(schema as Shape) : message.replace(/^Expected /, "");
}

export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "string") return `a string of ${value.length} characters`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

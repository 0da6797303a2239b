/** Checks of schemas. What is checked again and again is compiled, and the compiler (10 ms) is loaded for the first of those. */
import type { TSchema } from "@sinclair/typebox";
import type { TypeCheck, TypeCompiler, ValueError } from "@sinclair/typebox/compiler";
import { Errors } from "@sinclair/typebox/errors";
import { Check } from "@sinclair/typebox/value";
import { describeShape, type Shape } from "./shape.ts";

const compiled = new WeakMap<TSchema, TypeCheck<TSchema>>();
/** How often a schema is still gone through as it stands. */
const left = new WeakMap<TSchema, number>();
/** To compile a schema takes as long as to hold some dozens of values to it: a gateway's first turn asks for a hundred schemas, of most once. */
const leastUncompiled = 24;
/** One after the other gets so many more, or the turn in which all of them come to it would wait for all to be compiled. */
const spread = 24;
let seen = 0;
let compiler: typeof TypeCompiler | undefined;
let loading: Promise<typeof TypeCompiler> | undefined;

function load(): Promise<typeof TypeCompiler> {
  loading ??= import("@sinclair/typebox/compiler").then(({ TypeCompiler }) => {
    compiler = TypeCompiler;
    return TypeCompiler;
  });
  return loading;
}

/** What was expected where, and what came. Holds no value of the caller's, since that may be a secret. */
export interface Mismatch {
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

export async function checker(schema: TSchema): Promise<TypeCheck<TSchema>> {
  const known = compiled.get(schema);
  if (known) return known;
  return compile(schema, await load());
}

function compile(schema: TSchema, { Compile }: typeof TypeCompiler): TypeCheck<TSchema> {
  const check = Compile(schema);
  compiled.set(schema, check);
  return check;
}

function isValid(schema: TSchema, value: unknown): boolean {
  const known = compiled.get(schema);
  if (known) return known.Check(value);
  const more = left.get(schema) ?? leastUncompiled + (seen++ % spread);
  left.set(schema, more - 1);
  if (more > 0) return Check(schema, value);
  const check = compiler && compiledBy(compiler, schema);
  if (check) return check.Check(value);
  load().catch(() => undefined); // silent-ok: without a compiler it is checked all the same
  return Check(schema, value);
}

/** The compiler refuses some that can be gone through: a name of a property with a line break in it, for one. Those are never asked for again. */
function compiledBy(using: typeof TypeCompiler, schema: TSchema): TypeCheck<TSchema> | undefined {
  try {
    return compile(schema, using);
  } catch {
    left.set(schema, Number.POSITIVE_INFINITY); // silent-ok: it is checked all the same
    return undefined;
  }
}

/** Throws what `refuse` makes of the first mismatch. */
export function requireValid(schema: TSchema, value: unknown, refuse: (described: string, mismatch: Mismatch) => Error): void {
  if (isValid(schema, value)) return;
  const mismatch = mismatchOf({ Errors: (wrong) => Errors(schema, wrong) }, value);
  throw refuse(describeMismatch(mismatch), mismatch);
}

/** The first mismatch of a value that the check refuses. */
export function mismatchOf(check: Pick<TypeCheck<TSchema>, "Errors">, value: unknown): Mismatch {
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

/** Real payloads, broken in one place each: a key dropped, a value of another type. */
import { KindGuard, OptionalKind, type TSchema } from "@sinclair/typebox";
import { fits } from "./recorder.ts";

type Path = readonly (string | number)[];

interface Mutation {
  readonly path: string;
  readonly fault: "dropped" | "retyped";
  readonly value: unknown;
  /** The schema says itself that the value may be so: an optional key, or a place where anything goes. */
  readonly allowed: boolean;
}

const otherTypes: readonly unknown[] = [4711.5, "\u0000 mutated", true, { mutated: 1 }, [{ mutated: 1 }], null];
const typeOf = (value: unknown) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

function replaced(root: unknown, [step, ...rest]: Path, edit: (at: unknown) => unknown): unknown {
  if (step === undefined) return edit(root);
  const copy = (Array.isArray(root) ? [...root] : { ...(root as object) }) as Record<string | number, unknown>;
  const changed = replaced(copy[step], rest, edit);
  if (changed === dropped) delete copy[step];
  else copy[step] = changed;
  return copy;
}
const dropped = Symbol("dropped");

/** What may stand at a key, through every alternative; `undefined` among them where the alternative says nothing of it. */
function below(schemas: readonly (TSchema | undefined)[], step: string | number): (TSchema | undefined)[] {
  return schemas.flatMap((schema) => {
    if (schema === undefined || KindGuard.IsUnknown(schema) || KindGuard.IsAny(schema)) return [undefined];
    if (KindGuard.IsUnion(schema)) return below(schema.anyOf, step);
    // All of them hold: what one of them leaves open another may close.
    if (KindGuard.IsIntersect(schema)) {
      const said = below(schema.allOf, step).filter((at) => at !== undefined);
      return said.length > 0 ? said : [undefined];
    }
    if (KindGuard.IsArray(schema)) return [schema.items];
    if (KindGuard.IsRecord(schema)) return Object.values(schema.patternProperties);
    if (KindGuard.IsObject(schema)) return [schema.properties[step]];
    return [];
  });
}

const isOptional = (schemas: readonly (TSchema | undefined)[]) => schemas.some((schema) => schema?.[OptionalKind] === "Optional");

function* walk(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) yield* walk(item, [...path, Array.isArray(value) ? Number(key) : key]);
}

/** At most `limit`, spread over the whole payload. */
export function mutationsOf(schema: TSchema, value: unknown, limit: number): readonly Mutation[] {
  const paths = [...walk(value)];
  const stride = Math.max(1, Math.ceil(paths.length / limit));
  return paths.filter((_path, index) => index % stride === 0).flatMap((path) => mutationsAt(schema, value, path));
}

function mutationsAt(schema: TSchema, root: unknown, path: Path): Mutation[] {
  const at = path.reduce<(TSchema | undefined)[]>((schemas, step) => below(schemas, step), [schema]);
  const given = path.reduce<unknown>((node, step) => (node as Record<string | number, unknown>)[step], root);
  const isOpen = at.length === 0 || at.includes(undefined);
  const mutations: Mutation[] = [];
  if (typeof path.at(-1) === "string") {
    // A key of a map, and an alternative that does not know the key, need it no more than one that calls it optional.
    const parents = path.slice(0, -1).reduce<(TSchema | undefined)[]>((schemas, step) => below(schemas, step), [schema]);
    const inMap = parents.some((parent) => parent !== undefined && KindGuard.IsRecord(parent));
    mutations.push({
      path: path.join("/"),
      fault: "dropped",
      value: replaced(root, path, () => dropped),
      allowed: isOpen || inMap || isOptional(at),
    });
  }
  for (const other of otherTypes) {
    if (typeOf(other) === typeOf(given)) continue;
    const allowed = isOpen || at.some((schema) => schema !== undefined && fits(schema, other));
    mutations.push({ path: path.join("/"), fault: "retyped", value: replaced(root, path, () => other), allowed });
  }
  return mutations;
}

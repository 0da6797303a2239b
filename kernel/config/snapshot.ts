/** From the file's text, the environment and the declared schemas to one frozen value, and everything that is wrong with it. */
import type { ConfigIssue } from "@pincer/plugin-sdk/contracts/configuration";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { isObject, type Json, type JsonObject, jsonOf, type Node, nodeAt, parseJson5, placeOf } from "@pincer/plugin-sdk/json5";
import { type Path, type Shape, shapesAt } from "@pincer/plugin-sdk/shape";
import { type Environment, expand, overrides } from "./environment.ts";
import { type Foreign, fit, type Report } from "./schema.ts";
import { suggestion } from "./suggestion.ts";

export interface Declaration {
  readonly path: Path;
  readonly shape: Shape;
  readonly owner: string;
}
export type Declarations = ReadonlyMap<string, Declaration>;

export interface Computed {
  /** Everything that is declared, with defaults; a section with an error has its defaults alone. */
  readonly value: JsonObject;
  /** What the text says, references as they are written; `undefined` when it is not an object in JSON5. */
  readonly written: JsonObject | undefined;
  readonly sections: ReadonlyMap<string, Json>;
  readonly issues: readonly ConfigIssue[];
  readonly valid: boolean;
}

const silent: Report = () => undefined;

export function at(value: Json | undefined, path: Path): Json | undefined {
  let found: Json | undefined = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as JsonObject)[step];
  }
  return found;
}

/** A copy with the value at the path, or without it when that is `undefined`; whatever is in the way becomes an object. */
export function put(value: Json | undefined, [key, ...rest]: Path, member: Json | undefined): JsonObject {
  const from = isObject(value) ? value : {};
  const inside = rest.length === 0 ? member : put(Object.hasOwn(from, key!) ? from[key!] : undefined, rest, member);
  return Object.fromEntries(Object.entries({ ...from, [key!]: inside }).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

export function compute(text: string | undefined, declarations: Declarations, env: Environment): Computed {
  const issues: ConfigIssue[] = [];
  let root: Node | undefined;
  const report: Report = (level, path, message) => issues.push({ level, path: path.join("."), message, ...placeFor(text, root, path) });
  try {
    root = text === undefined ? undefined : parseJson5(text);
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    issues.push({ level: "error", path: "", message: error.message, ...placeIn(error.data) });
  }
  if (root && root.kind !== "object") report("error", [], "expected an object: { ... }");
  const written = root?.kind === "object" ? (jsonOf(root) as JsonObject) : undefined;
  const foreign = foreignTo(declarations);
  const broken = new Set<string>();
  const expanded = expand(written ?? {}, env, (path, name) => {
    report("error", path, `the environment variable ${name} is not set: set it before the gateway starts, or write { secret: "name" }`);
    for (const [key, declaration] of declarations) if (startsWith(path, declaration.path)) broken.add(key);
  }) as JsonObject;
  let tree: Json = expanded;
  for (const [name, path] of overrides) tree = override(tree, name, path, env, declarations, foreign, report);

  const sections = new Map<string, Json>();
  let value: Json = {};
  for (const [key, { path, shape }] of [...declarations].sort(([, a], [, b]) => a.path.length - b.path.length)) {
    const found = at(tree, path);
    let failed = broken.has(key);
    const watched: Report = (level, where, message) => {
      failed ||= level === "error";
      report(level, where, message);
    };
    const fitted = found === undefined ? undefined : fit(shape, found, path, watched, foreign);
    const section = failed || fitted === undefined ? defaults(shape, path, foreign) : fitted;
    if (section === undefined) continue;
    sections.set(key, freeze(section));
    value = put(value, path, section);
  }
  reportUnknown(written ?? {}, [], foreign, declarations, report);
  return { value: freeze(value) as JsonObject, written, sections, issues, valid: issues.every(({ level }) => level !== "error") };
}

const defaults = (shape: Shape, path: Path, foreign: Foreign): Json | undefined =>
  fit(shape, shape.default === undefined && shape.type === "object" ? {} : undefined, path, silent, foreign);

/** A variable that does not fit is reported and ignored: a typing error must not keep the gateway from starting. */
function override(tree: Json, name: string, path: Path, env: Environment, all: Declarations, foreign: Foreign, report: Report): Json {
  const text = env[name];
  const shape = shapeAt(all, path);
  if (text === undefined || text === "" || !shape) return tree;
  const value = (shape.type === "integer" || shape.type === "number") && /^\d+$/.test(text) ? Number(text) : text;
  let fits = true;
  fit(
    shape,
    value,
    path,
    (_, where, message) => {
      fits = false;
      report("error", where, `${name} in the environment is ignored: ${message}`);
    },
    foreign,
  );
  return fits ? put(tree, path, value) : tree;
}

const startsWith = (path: Path, start: Path): boolean => start.every((step, i) => path[i] === step);

function foreignTo(declarations: Declarations): Foreign {
  const below = new Set<string>();
  for (const { path } of declarations.values()) for (let i = 1; i < path.length; i += 1) below.add(path.slice(0, i).join("."));
  return (path) => {
    const key = path.join(".");
    return declarations.has(key) ? "here" : below.has(key) ? "below" : undefined;
  };
}

function reportUnknown(value: JsonObject, path: Path, foreign: Foreign, declarations: Declarations, report: Report): void {
  for (const [key, member] of Object.entries(value)) {
    const where = [...path, key];
    const owner = foreign(where);
    if (owner === "below" && isObject(member)) reportUnknown(member, where, foreign, declarations, report);
    else if (owner === undefined) {
      const siblings = [...declarations.values()].flatMap((other) => (startsWith(other.path, path) ? (other.path[path.length] ?? []) : []));
      report("warning", where, `unknown key: no part of Pincer and no installed plugin reads it${suggestion(key, siblings)}`);
    }
  }
}

/** The schema of a path, from whoever declared it or something above. */
export function shapeAt(declarations: Declarations, path: Path): Shape | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const declaration = declarations.get(path.slice(0, length).join("."));
    if (!declaration) continue;
    return shapesAt(declaration.shape, path.slice(length))[0];
  }
  return undefined;
}

function placeFor(text: string | undefined, root: Node | undefined, path: Path): { line?: number; column?: number } {
  if (text === undefined || root === undefined) return {};
  for (let length = path.length; length > 0; length -= 1) {
    const node = nodeAt(root, path.slice(0, length));
    if (node) return placeOf(text, node.start);
  }
  return {};
}

const placeIn = (data: Readonly<Record<string, unknown>> | undefined) =>
  typeof data?.line === "number" && typeof data.column === "number" ? { line: data.line, column: data.column } : {};

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}

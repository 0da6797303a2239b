/** From the file's text, the environment and the declared schemas to one frozen value, and everything that is wrong with it. */
import { asSection, fit, type Report } from "@pincer/plugin-sdk/config-fit";
import type { ConfigIssue } from "@pincer/plugin-sdk/contracts/configuration";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { isObject, type Json, type JsonObject, jsonOf, type Node, nodeAt, parseJson5, placeOf } from "@pincer/plugin-sdk/json5";
import { type Path, type Shape, shapesAt } from "@pincer/plugin-sdk/shape";
import { type Environment, expand, overrides } from "./environment.ts";

export interface Declaration {
  readonly path: Path;
  readonly shape: Shape;
  readonly owner: string;
}

export interface Computed {
  /** Everything that is declared, with defaults; a section with an error has its defaults alone. */
  readonly value: JsonObject;
  /** What the text says, references as they are written; `undefined` when it is not an object in JSON5. */
  readonly written: JsonObject | undefined;
  /** What the text and the environment say, references put in, also where it does not fit. */
  readonly said: JsonObject;
  readonly issues: readonly ConfigIssue[];
}

export const isSound = (issues: readonly ConfigIssue[]): boolean => issues.every(({ level }) => level !== "error");

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

/** All declarations, an outer one before those inside it, as one schema: what is inside stands for itself, and has its defaults unasked. */
export const outline = (declarations: readonly Declaration[]): Shape =>
  declarations.reduce<Shape>((root, { path, shape }) => graft(root, path, shape), { type: "object", default: {}, properties: {} });

function graft(under: Shape, [key, ...rest]: Path, shape: Shape): Shape {
  if (key === undefined) return asSection(shape);
  const inside = graft(under.properties?.[key] ?? { type: "object", properties: {} }, rest, shape);
  const isOpen = !under.properties && !under.patternProperties && under.additionalProperties === undefined;
  return {
    ...under,
    ...(isOpen && { additionalProperties: true }),
    ...(under.default === undefined && inside.default !== undefined && { default: {} }),
    properties: { ...under.properties, [key]: inside },
  };
}

export function compute(text: string | undefined, declarations: readonly Declaration[], root: Shape, env: Environment): Computed {
  const issues: ConfigIssue[] = [];
  const failed = new Set<Path>();
  let node: Node | undefined;
  const add: Report = (level, path, message) => issues.push({ level, path: path.join("."), message, ...placeFor(text, node, path) });
  const ownerOf = (path: Path) => declarations.findLast((declaration) => startsWith(path, declaration.path))?.path;
  const report: Report = (level, path, message) => {
    const owner = ownerOf(path);
    // One error a place: what stands for a variable that is not set need not fit as well.
    if (level === "error" && issues.some((issue) => issue.level === level && issue.path === path.join("."))) return;
    if (level === "error") failed.add(owner ?? path);
    const isForeign = level === "warning" && !owner;
    add(level, path, isForeign ? message.replace(/^unknown key/, "$&: no part of Pincer and no installed plugin reads it") : message);
  };

  try {
    node = text === undefined ? undefined : parseJson5(text);
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    issues.push({ level: "error", path: "", message: error.message, ...placeIn(error.data) });
  }
  if (node && node.kind !== "object") add("error", [], "expected an object: { ... }");
  const written = node?.kind === "object" ? (jsonOf(node) as JsonObject) : undefined;
  let tree = expand(written ?? {}, env, (path, name) =>
    report("error", path, `the environment variable ${name} is not set: set it before the gateway starts, or write { secret: "name" }`),
  ) as JsonObject;
  // A variable that does not fit is reported and ignored: a typing error must not keep the gateway from starting.
  for (const [name, path] of overrides) {
    const [said, shape] = [env[name], shapesAt(root, path)[0]];
    if (!said || !shape) continue;
    const value = (shape.type === "integer" || shape.type === "number") && /^\d+$/.test(said) ? Number(said) : said;
    let fits = true;
    fit(shape, value, path, (_, where, message) => {
      fits = false;
      add("error", where, `${name} in the environment is ignored: ${message}`);
    });
    if (fits) tree = put(tree, path, value);
  }
  let value = fit(root, tree, [], report);
  if (failed.size > 0) value = fit(root, without(tree, failed, declarations), [], () => undefined);
  return { value: freeze(value) as JsonObject, written, said: tree, issues };
}

/** The tree without these sections; those inside them that have not failed themselves stay. */
function without(tree: JsonObject, failed: ReadonlySet<Path>, declarations: readonly Declaration[]): JsonObject {
  const sound = [...failed].reduce((left, path) => put(left, path, undefined), tree);
  return declarations.reduce((left, { path }) => {
    const isInside = [...failed].some((section) => path.length > section.length && startsWith(path, section));
    const kept = isInside && !failed.has(path) ? at(tree, path) : undefined;
    return kept === undefined ? left : put(left, path, kept);
  }, sound);
}

const startsWith = (path: Path, start: Path): boolean => start.every((step, i) => path[i] === step);

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

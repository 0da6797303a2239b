/** From the file's text, the environment and the declared schemas to one frozen value, and everything that is wrong with it. */
import { asSection, fit, type Report } from "@pincer/plugin-sdk/config-fit";
import type { ConfigIssue } from "@pincer/plugin-sdk/contracts/configuration";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { type JsonObject, jsonOf, type Node, type Place, parseJson5, placeAt, putAt, valueAt } from "@pincer/plugin-sdk/json5";
import { type Path, type Shape, shapesAt } from "@pincer/plugin-sdk/shape";
import { type Environment, expand, overrides } from "./environment.ts";
import type { FileText } from "./file.ts";

export interface Declaration {
  readonly path: Path;
  readonly shape: Shape;
  readonly owner: string;
}

/** An outer section stands before those inside it. */
export type Sections = ReturnType<typeof sectionsOf>;

interface Computed {
  /** Everything that is declared, with defaults; a section with an error has its defaults alone. */
  readonly value: JsonObject;
  /** What the text says, references as they are written; `undefined` when it is not an object in JSON5. */
  readonly written: JsonObject | undefined;
  /** What the text and the environment say, references put in, also where it does not fit. */
  readonly said: JsonObject;
  readonly issues: readonly ConfigIssue[];
}

export const isSound = (issues: readonly ConfigIssue[]): boolean => issues.every(({ level }) => level !== "error");

/** All declarations as one schema: what is inside another stands for itself, and has its defaults unasked. */
export function sectionsOf(declared: Iterable<Declaration>) {
  const all = [...declared].sort((a, b) => a.path.length - b.path.length);
  const none: Shape = { type: "object", default: {}, properties: {} };
  return { all, root: all.reduce((root, { path, shape }) => graft(root, path, shape), none) };
}

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

export function compute({ text, problem }: FileText, { all, root }: Sections, env: Environment, winning = overrides): Computed {
  const issues: ConfigIssue[] = problem === undefined ? [] : [{ level: "error", path: "", message: problem }];
  const failed = new Set<Path>();
  let node: Node | undefined;
  const add: Report = (level, path, message) =>
    issues.push({ level, path: path.join("."), message, ...(node && placeAt(text!, node, path)) });
  const report: Report = (level, path, message) => {
    const section = all.findLast((declaration) => declaration.path.every((step, i) => path[i] === step))?.path;
    if (level === "error") {
      // One error a place: what stands for a variable that is not set need not fit as well.
      if (issues.some((issue) => issue.level === level && issue.path === path.join("."))) return;
      if (section) failed.add(section);
    }
    const isForeign = level === "warning" && !section;
    add(level, path, isForeign ? message.replace(/^unknown key/, "$&: no part of Pincer and no installed plugin reads it") : message);
  };

  try {
    node = text === undefined ? undefined : parseJson5(text);
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    const { line, column } = error.data as unknown as Place;
    issues.push({ level: "error", path: "", message: error.message, line, column });
  }
  if (node && node.kind !== "object") add("error", [], "expected an object: { ... }");
  const written = node?.kind === "object" ? (jsonOf(node) as JsonObject) : undefined;
  let said = expand(written ?? {}, env, (path, name) =>
    report("error", path, `the environment variable ${name} is not set: set it before the gateway starts, or write { secret: "name" }`),
  ) as JsonObject;
  // A variable that does not fit is reported and ignored: a typing error must not keep the gateway from starting.
  for (const [name, path] of winning) {
    const [given, shape] = [env[name], shapesAt(root, path)[0]];
    if (!given || !shape) continue;
    const value = (shape.type === "integer" || shape.type === "number") && /^\d+$/.test(given) ? Number(given) : given;
    let fits = true;
    fit(shape, value, path, (_, where, message) => {
      fits = false;
      add("warning", where, `${name} in the environment is ignored: ${message}`);
    });
    if (fits) said = putAt(said, path, value);
  }
  let value = fit(root, said, [], report);
  if (!isSound(issues)) {
    // Again, without the sections that have failed; what is declared inside such a one, and has not, stands.
    const sound = all.reduce<JsonObject>((kept, { path }) => {
      const member = failed.has(path) ? undefined : valueAt(said, path);
      return member === undefined && valueAt(kept, path) === undefined ? kept : putAt(kept, path, member);
    }, {});
    value = fit(root, sound, [], () => undefined);
  }
  return { value: freeze(value) as JsonObject, written, said, issues };
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}

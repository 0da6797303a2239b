/** The declared schemas as one: what can be configured, for forms, documents and agents. */
import { childrenOf, isSensitive, type Path, type Shape } from "./schema.ts";
import type { Declaration } from "./snapshot.ts";

export interface Hint {
  readonly label?: string;
  readonly help?: string;
  readonly group?: string;
  readonly order?: number;
  readonly advanced?: boolean;
  readonly sensitive?: boolean;
  readonly placeholder?: string;
}

export function outline(declarations: readonly Declaration[]): Shape {
  const shallowFirst = [...declarations].sort((a, b) => a.path.length - b.path.length);
  return shallowFirst.reduce<Shape>((root, { path, shape }) => graft(root, path, shape), { type: "object" });
}

function graft(under: Shape, [key, ...rest]: Path, shape: Shape): Shape {
  if (key === undefined) return shape;
  const inside = under.properties?.[key] ?? { type: "object" };
  return { ...under, properties: { ...under.properties, [key]: graft(inside, rest, shape) } };
}

/** Under each path, `*` for any key, what a form shows; schemas say it by `title`, `description` and the hint's own names. */
export function hintsOf(shape: Shape, path: Path = []): [path: string, hint: Hint][] {
  const hint = path.length > 0 ? hintOf(shape, path) : undefined;
  const below = childrenOf(shape).flatMap(([key, child]) => hintsOf(child, [...path, key]));
  return hint ? [[path.join("."), hint], ...below] : below;
}

export function hintOf(shape: Shape & Partial<Hint>, path: Path): Hint | undefined {
  const isSecret = isSensitive(path, shape) && (shape.sensitive === true || shape.type === "string");
  const said = {
    label: shape.title,
    help: shape.description,
    group: shape.group,
    order: shape.order,
    advanced: shape.advanced,
    placeholder: shape.placeholder,
    sensitive: isSecret || undefined,
  };
  const hint = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return Object.keys(hint).length > 0 ? hint : undefined;
}

/** What can be configured, for forms, documents and agents. */
import { isSensitive } from "@pincer/plugin-sdk/sensitive";
import { childrenOf, type Path, type Shape, shapesAt } from "@pincer/plugin-sdk/shape";

interface Hint {
  readonly label?: string;
  readonly help?: string;
  readonly group?: string;
  readonly order?: number;
  readonly advanced?: boolean;
  readonly sensitive?: boolean;
  readonly placeholder?: string;
}

/** Under each path, `*` for any key, what a form shows; schemas say it by `title`, `description` and the hint's own names. */
export function hintsOf(shape: Shape, path: Path = []): [path: string, hint: Hint][] {
  const hint = path.length > 0 ? hintOf(shape, path) : undefined;
  const below = childrenOf(shape).flatMap(([key, child]) => hintsOf(child, [...path, key]));
  return hint ? [[path.join("."), hint], ...below] : below;
}

function hintOf(shape: Shape & Partial<Hint>, path: Path): Hint | undefined {
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

/** One place of the schema, and what stands directly below it; `undefined` when nothing is declared there. */
export function lookUp(root: Shape, path: string) {
  const steps = path.split(/[./[\]]+/).filter((step) => step !== "");
  const shapes = shapesAt(root, steps);
  const shape = shapes[0];
  if (!shape || steps.length === 0) return undefined;
  const described = (of: Shape, at: Path) => {
    const hint = hintOf(of, at);
    return { reloadKind: "hot" as const, ...(hint && { hint, hintPath: at.join(".") }) };
  };
  const children = shapes.flatMap(childrenOf).map(([key, child]) => ({
    key,
    path: [...steps, key].join("."),
    ...(child.type !== undefined && { type: child.type }),
    required: shape.required?.includes(key) ?? false,
    hasChildren: childrenOf(child).length > 0,
    ...described(child, [...steps, key]),
  }));
  const { properties: _, patternProperties: __, items: ___, anyOf: ____, ...own } = shape;
  return { path: steps.join("."), schema: own, children, ...described(shape, steps) };
}

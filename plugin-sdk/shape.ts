/**
 * The part of JSON Schema that a configuration may use, and that types for clients are made from: TypeBox values and manifests both have
 * this shape.
 */
export interface Shape {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: boolean | Shape;
  readonly items?: Shape | readonly Shape[];
  readonly default?: unknown;
  readonly sensitive?: boolean;
  readonly title?: string;
  readonly description?: string;
  readonly pattern?: string;
  /** `regex`: a regular expression that takes no long time on any text. */
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
}

/** Whether any text fits, among others; one of a few fixed words is none. */
export const isText = ({ type, const: fixed, anyOf = [] }: Shape): boolean =>
  (type === "string" && fixed === undefined) || anyOf.some(isText);

/** Whether it is one of the values that the shape fixes. */
export const isFixed = (shape: Shape, value: unknown): boolean =>
  (shape.const !== undefined && shape.const === value) || (shape.anyOf ?? []).some((one) => isFixed(one, value));

/** The keys and indices that lead to a value. */
export type Path = readonly string[];

/** The schemas inside, by key; `*` stands for any key or index. */
export function childrenOf(shape: Shape): [key: string, child: Shape][] {
  const { items = [] } = shape;
  const rest = Object.values(shape.patternProperties ?? {});
  if (typeof shape.additionalProperties === "object") rest.push(shape.additionalProperties);
  return [
    ...Object.entries(shape.properties ?? {}),
    ...rest.map((child): [string, Shape] => ["*", child]),
    ...(Array.isArray(items) ? items : [items]).map((child: Shape): [string, Shape] => ["*", child]),
    ...(shape.anyOf ?? []).flatMap(childrenOf),
  ];
}

/** The schemas of one key inside, by its name. */
const named = ({ properties = {}, anyOf = [] }: Shape, key: string): readonly Shape[] => {
  const own = Object.hasOwn(properties, key) ? [properties[key]!] : [];
  return anyOf.length === 0 ? own : [...own, ...anyOf.flatMap((one) => named(one, key))];
};

/** What a schema says about a path inside; several when there are alternatives. */
export function shapesAt(shape: Shape, path: Path): readonly Shape[] {
  let shapes: readonly Shape[] = [shape];
  for (const step of path) {
    const found = shapes.flatMap((one) => named(one, step));
    const anyKey = () => shapes.flatMap(childrenOf).flatMap(([key, child]) => (key === "*" ? [child] : []));
    shapes = found.length > 0 ? found : anyKey();
  }
  return shapes;
}

export const lowest = ({ minimum, minLength, minItems }: Shape) => minimum ?? minLength ?? minItems;
export const highest = ({ maximum, maxLength, maxItems }: Shape) => maximum ?? maxLength ?? maxItems;

/** What a value has to be, in words that a person would use. */
export function describeShape(shape: Shape): string {
  const choices = shape.anyOf?.map(describeShape) ?? shape.enum?.map((item) => JSON.stringify(item));
  if (choices) return anyOf([...new Set(choices)]);
  if ("const" in shape) return JSON.stringify(shape.const);
  const [low, high] = [lowest(shape), highest(shape)];
  const least = low === undefined ? "" : ` of at least ${low}`;
  const range = low !== undefined && high !== undefined ? ` from ${low} to ${high}` : high === undefined ? least : ` of at most ${high}`;
  const unit = shape.type === "string" ? " characters" : shape.type === "array" ? " items" : "";
  const bounds = [
    shape.exclusiveMinimum === undefined ? "" : ` above ${shape.exclusiveMinimum}`,
    shape.exclusiveMaximum === undefined ? "" : ` below ${shape.exclusiveMaximum}`,
    shape.multipleOf === undefined ? "" : ` divisible by ${shape.multipleOf}`,
    shape.pattern === undefined ? "" : ` like ${shape.pattern}`,
    shape.uniqueItems ? " without repetitions" : "",
  ];
  const what = shape.format === "regex" ? "regular expression that is quick on any text" : (shape.type ?? "a value");
  return `${what}${range}${range && unit}${bounds.join("")}`;
}

const anyOf = (choices: readonly string[]) => (choices.length > 2 ? `one of ${choices.join(", ")}` : choices.join(" or "));

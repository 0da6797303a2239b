/** The part of JSON Schema that a configuration may use: TypeBox values and manifests both have this shape. */
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

/** Whether a text fits, among others. */
export const isText = ({ type, anyOf = [] }: Shape): boolean => type === "string" || anyOf.some(isText);

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

/** What a schema says about a path inside; several when there are alternatives. */
export function shapesAt(shape: Shape, path: Path): readonly Shape[] {
  return path.reduce<readonly Shape[]>(
    (shapes, step) => {
      const inside = shapes.flatMap(childrenOf);
      const named = inside.filter(([key]) => key === step);
      return (named.length > 0 ? named : inside.filter(([key]) => key === "*")).map(([, child]) => child);
    },
    [shape],
  );
}

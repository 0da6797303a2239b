/** What `pincer protocol export` writes: the methods and events of a gateway as data, from which client types are made. */

/** The part of JSON Schema that the generators look at. */
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
}

export interface ExportedMethod {
  readonly summary: string;
  readonly scope: string;
  readonly params: Shape;
  readonly result: Shape;
  /** Of a method that answers twice, the first answer. */
  readonly accepted?: Shape;
}

export interface ExportedEvent {
  readonly summary: string;
  readonly scope: string;
  readonly payload: Shape;
}

export interface Exported {
  readonly protocol: 4;
  readonly version: string;
  readonly methods: Readonly<Record<string, ExportedMethod>>;
  readonly events: Readonly<Record<string, ExportedEvent>>;
}

/** What `pincer protocol export` writes: the methods and events of a gateway as data, from which client types are made. */
import type { Shape } from "../shape.ts";

interface ExportedMethod {
  readonly summary: string;
  readonly scope: string;
  readonly params: Shape;
  readonly result: Shape;
  /** Of a method that answers twice, the first answer. */
  readonly accepted?: Shape;
}

interface ExportedEvent {
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

/** Pieces of the forms that methods, files and plans have. */
import { type TProperties, Type } from "@sinclair/typebox";

/** Nothing but what is named. */
export const closed = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false });
export const one = <const T extends readonly string[]>(...values: T) =>
  Type.Unsafe<T[number]>(Type.Union(values.map((value) => Type.Literal(value))));

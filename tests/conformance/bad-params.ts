/** Parameters that a schema refuses, one fault each: an unknown key, a missing one, one of a wrong type. */
import type { TObject, TSchema } from "@sinclair/typebox";
import { fits } from "./recorder.ts";

type Params = Readonly<Record<string, unknown>>;

interface BadParams {
  readonly fault: string;
  readonly params: unknown;
}

const otherTypes: readonly unknown[] = [4711.5, "text", true, { a: 1 }, [{ a: 1 }], null];
export const unknownKey = "no-such-key";

export const propertiesOf = (schema: TSchema): Readonly<Record<string, TSchema>> => (schema as TObject).properties ?? {};
export const isClosed = (schema: TSchema): boolean => schema["additionalProperties"] === false;

export function* badParams(schema: TSchema, good: Params): Generator<BadParams> {
  for (const whole of ["text", 4711, [good]]) yield { fault: `${JSON.stringify(whole).slice(0, 20)} instead of an object`, params: whole };
  if (isClosed(schema)) yield { fault: "an unknown key", params: { ...good, [unknownKey]: 1 } };
  for (const name of (schema as TObject).required ?? []) {
    const { [name]: _, ...rest } = good;
    yield { fault: `without ${name}`, params: rest };
  }
  for (const name of Object.keys(propertiesOf(schema))) {
    for (const value of otherTypes) {
      const params = { ...good, [name]: value };
      if (fits(schema, params)) continue;
      yield { fault: `${name} of a wrong type (${JSON.stringify(value)})`, params };
    }
  }
}

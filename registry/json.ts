/** What comes as JSON, held against the form that it must have. */
import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

/** Makes the error to be thrown of why. */
export type Refusal = (why: string) => Error;

export function readJson<Form extends TSchema>(form: Form, bytes: Uint8Array, refuse: Refusal): Static<Form> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw refuse("expected JSON in UTF-8");
  }
  return requireForm(form, json, refuse);
}

export function requireForm<Form extends TSchema>(form: Form, value: unknown, refuse: Refusal): Static<Form> {
  if (Value.Check(form, value)) return value;
  const first = Value.Errors(form, value).First();
  throw refuse(`${first?.message ?? "another form was expected"}, at ${first?.path || "/"}`);
}

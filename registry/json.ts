/** What comes as JSON, held against the form that it must have. */
import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

/** Makes the error to be thrown of why. */
export type Refusal = (why: string) => Error;

const deepest = 200;

/** The value that JSON in UTF-8 says. What is nested is looked at before it is read: a megabyte of it comes to a hundred, and keeps whoever reads it busy for seconds. */
export function parsedJson(bytes: Uint8Array, refuse: Refusal): unknown {
  if (depthOf(bytes) > deepest) throw refuse(`expected no more than ${deepest} objects and lists inside each other`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw refuse("expected JSON in UTF-8");
  }
}

const [quote, backslash, openList, closeList, openObject, closeObject] = [34, 92, 91, 93, 123, 125];

function depthOf(bytes: Uint8Array): number {
  let [depth, most, isText] = [0, 0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isText) {
      if (byte === backslash) at++;
      else if (byte === quote) isText = false;
    } else if (byte === quote) isText = true;
    else if (byte === openList || byte === openObject) most = Math.max(most, ++depth);
    else if (byte === closeList || byte === closeObject) depth--;
  }
  return most;
}

export function readJson<Form extends TSchema>(form: Form, bytes: Uint8Array, refuse: Refusal): Static<Form> {
  return requireForm(form, parsedJson(bytes, refuse), refuse);
}

export function requireForm<Form extends TSchema>(form: Form, value: unknown, refuse: Refusal): Static<Form> {
  if (Value.Check(form, value)) return value;
  const first = Value.Errors(form, value).First();
  throw refuse(`${first?.message ?? "another form was expected"}, at ${(first?.path || "/").slice(0, 200)}`);
}

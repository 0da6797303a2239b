/** The body of a request, checked: what is wrong with it is told as OpenAI tells it, with the parameter's name. */
import { checker, describeValue, expectedBy } from "@pincer/plugin-sdk/check";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import type { ValueError } from "@sinclair/typebox/compiler";
import { badRequest } from "./failure.ts";

/** `/messages/0/content` as `messages[0].content`. */
const paramOf = (path: string): string =>
  path
    .split("/")
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part.replaceAll("~1", "/").replaceAll("~0", "~")}`))
    .join("")
    .replace(/^\./, "");

export async function readJson(request: Request): Promise<Readonly<Record<string, unknown>>> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    // silent-ok: the caller is told
    throw badRequest("We could not parse the JSON body of your request: a JSON object was expected as the body.");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badRequest(
      `A JSON object was expected as the body, but ${Array.isArray(body) ? "a list" : JSON.stringify(body)?.slice(0, 40)} came.`,
    );
  return body as Readonly<Record<string, unknown>>;
}

/** Throws an `ApiFailure` that names the parameter. */
export async function requireShape<S extends TSchema>(schema: S, value: unknown): Promise<Static<S>> {
  const check = await checker(schema);
  if (check.Check(value)) return value as Static<S>;
  const error = check.Errors(value).First();
  const { path, expected, value: came } = error ? narrowed(error) : { path: "", expected: "a value of the schema", value };
  const param = paramOf(path);
  if (came === undefined) throw badRequest(`Missing required parameter: '${param}'.`, param, "missing_required_parameter");
  throw badRequest(`Invalid value for '${param}': expected ${expected}, but got ${describeValue(came)} instead.`, param, "invalid_value");
}

interface Fault {
  readonly path: string;
  readonly expected: string;
  readonly value: unknown;
}

/** What is wrong with a list may be wrong with each of a million items, and the first few say it. */
const mostFaults = 64;

function someOf(errors: Iterable<ValueError>): readonly ValueError[] {
  const found: ValueError[] = [];
  for (const error of errors) if (found.push(error) === mostFaults) break;
  return found;
}

/** Of a value that is none of several alternatives: what is wrong with it as the one that was meant. */
function narrowed(error: ValueError): Fault {
  const { path, value } = error;
  const variants = error.errors.map(someOf);
  const inside = (one: ValueError) => one.path.startsWith(`${path}/`) && !one.path.slice(path.length + 1).includes("/");
  const ofKind = (one: ValueError) => inside(one) && "const" in one.schema;
  const meant = variants.find((errors) => errors.length > 0 && !errors.some((one) => one.path === path || ofKind(one)));
  if (meant?.[0]) return narrowed(meant[0]);
  // Alternatives that tell themselves apart by a word, and none of them by this one.
  const kinds = variants.flatMap((errors) => errors.find(ofKind) ?? []);
  const [kind] = kinds;
  if (kind) return { path: kind.path, expected: [...new Set(kinds.map(expectedBy))].join(" or "), value: kind.value };
  return { path, expected: expectedBy(error), value };
}

/** As deep as anybody describes a tool or an answer; what is deeper cannot be written out again. */
const deepest = 200;

export function isTooDeep(value: unknown, left = deepest): boolean {
  if (typeof value !== "object" || value === null) return false;
  return left === 0 || Object.values(value).some((inside) => isTooDeep(inside, left - 1));
}

/** Throws an `ApiFailure`. */
export function requireShallow(value: unknown, param: string): void {
  if (isTooDeep(value))
    throw badRequest(`Invalid value for '${param}': it is nested more than ${deepest} levels deep.`, param, "invalid_value");
}

/** Messages, parts and tools of a request: more than any conversation has, and no more than can be read in passing. */
const mostItems = 10_000;
export const listOf = <S extends TSchema>(schema: S, { minItems = 0 }: { readonly minItems?: number } = {}) =>
  Type.Array(schema, { minItems, maxItems: mostItems });

/** A model's name stands in errors and in the log. */
export const longestModel = 256;
export const ModelName = Type.String({ minLength: 1, maxLength: longestModel });

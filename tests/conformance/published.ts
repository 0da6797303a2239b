/** The published protocol (`@openclaw/gateway-protocol`) as an oracle: its schemas, the scopes it asks for, and its own validators. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as validators from "@openclaw/gateway-protocol";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { OptionalKind, type TSchema } from "@sinclair/typebox";

interface Protocol {
  readonly methods: Readonly<Record<string, { readonly scope: string } | undefined>>;
  readonly definitions: Readonly<Record<string, Json | undefined>>;
}
type Json = Readonly<Record<string, unknown>>;

// The package exports its code alone; the schema file lies beside it.
const file = join(dirname(Bun.resolveSync("@openclaw/gateway-protocol", import.meta.dir)), "..", "protocol.schema.json");
const protocol = JSON.parse(readFileSync(file, "utf8")) as Protocol;

/** The scope that the published protocol asks for, `dynamic` when the parameters decide; `undefined` for a method it does not know. */
export const publishedScope = (method: string): string | undefined => protocol.methods[method]?.scope;

/** Properties that observation adds, by the path of the object that has them; `*` stands for the items of an array. */
export type Additions = Readonly<Record<string, Readonly<Record<string, TSchema>>>>;

/** A list of fixed length is written there without its greatest one, which `additionalItems` says. */
function withLengths(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withLengths);
  if (typeof node !== "object" || node === null) return node;
  const made: Record<string, unknown> = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withLengths(value)]));
  if (!Array.isArray(made["items"]) || made["additionalItems"] !== false) return made;
  return { ...made, maxItems: made["items"].length };
}

/** A published schema. Throws when there is none of that name. */
export function published(name: string, additions: Additions = {}): TSchema {
  const definition = withLengths(protocol.definitions[name]) as Json | undefined;
  if (definition === undefined) throw new Error(`the published protocol has no definition ${name}`);
  if (Object.keys(additions).length === 0) return reviveSchema(definition);
  const copy = structuredClone(definition) as Record<string, unknown>;
  for (const [path, properties] of Object.entries(additions)) {
    const steps = path === "" ? [] : path.split("/");
    const at = steps.reduce(
      (node, step) => (step === "*" ? node["items"] : (node["properties"] as Json)[step]) as Record<string, unknown>,
      copy,
    );
    if (at["type"] !== "object") throw new Error(`${name} has no object at ${path || "/"}`);
    const required = Object.keys(properties).filter((key) => properties[key]?.[OptionalKind] !== "Optional");
    at["properties"] = { ...(at["properties"] as Json), ...JSON.parse(JSON.stringify(properties)) };
    at["required"] = [...new Set([...((at["required"] ?? []) as string[]), ...required])];
  }
  return reviveSchema(copy);
}

/** The package's own check of that name, where it has one. */
export function validator(name: string): ((value: unknown) => boolean) | undefined {
  return (validators as unknown as Readonly<Record<string, ((value: unknown) => boolean) | undefined>>)[`validate${name}`];
}

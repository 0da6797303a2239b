/** The fields of a request in `multipart/form-data` (RFC 7578), each of them once. */
import { RegistryError } from "../error.ts";
import { publicKeyOf } from "../trust/key.ts";
import type { Owner } from "../trust/owner.ts";

export interface Form {
  readonly names: readonly string[];
  has(name: string): boolean;
  /** Throws `REGISTRY_REQUEST_INVALID` when it is missing. */
  bytes(name: string): Uint8Array<ArrayBuffer>;
  text(name: string): string;
}

const refuse = (why: string) => new RegistryError("REGISTRY_REQUEST_INVALID", `the request: ${why}`);

/** Throws `REGISTRY_REQUEST_INVALID`. */
export async function readForm(body: Uint8Array<ArrayBuffer>, contentType: string): Promise<Form> {
  if (!/^multipart\/form-data;/i.test(contentType)) throw refuse(`expected multipart/form-data, came ${contentType || "no content type"}`);
  let form: FormData;
  try {
    form = await new Response(body, { headers: { "content-type": contentType } }).formData();
  } catch (error) {
    throw refuse(`expected multipart/form-data: ${error instanceof Error ? error.message : String(error)}`);
  }
  const fields = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, value] of form) {
    if (fields.has(name)) throw refuse(`the field ${JSON.stringify(name.slice(0, 100))} comes twice`);
    fields.set(name, typeof value === "string" ? new TextEncoder().encode(value) : new Uint8Array(await value.arrayBuffer()));
  }
  const bytes: Form["bytes"] = (name) => {
    const field = fields.get(name);
    if (!field) throw refuse(`the field ${name} is missing`);
    return field;
  };
  return { names: [...fields.keys()], has: (name) => fields.has(name), bytes, text: (name) => Buffer.from(bytes(name)).toString("utf8") };
}

/** Of a publisher who is new here; undefined where the field is absent. Throws `REGISTRY_REQUEST_INVALID`. */
export function keysIn(form: Form): Owner | undefined {
  if (!form.has("keys")) return undefined;
  const expected = 'expected keys as {"keys": [public keys in hex], "threshold": how many must sign}';
  let json: unknown;
  try {
    json = JSON.parse(form.text("keys"));
  } catch {
    throw refuse(expected);
  }
  const { keys, threshold = 1 } = (json ?? {}) as { readonly keys?: unknown; readonly threshold?: unknown };
  const isKey = (key: unknown): key is string => typeof key === "string" && /^[0-9a-f]{64}$/.test(key);
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > 16 || !keys.every(isKey) || new Set(keys).size !== keys.length)
    throw refuse(expected);
  if (typeof threshold !== "number" || !Number.isInteger(threshold) || threshold < 1 || threshold > keys.length) throw refuse(expected);
  return { keys: keys.map(publicKeyOf), threshold };
}

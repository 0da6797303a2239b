/** Values of IndexedDB as text: what JSON has, and bytes. Anything else is refused rather than kept as something that it was not. */

const BYTES = "$bytes";

function plain(value: unknown): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (value instanceof Uint8Array) return { [BYTES]: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype && !Object.hasOwn(value, BYTES)) {
    return Object.fromEntries(Object.entries(value).flatMap(([name, part]) => (part === undefined ? [] : [[name, plain(part)]])));
  }
  throw new DOMException(`a value of type ${typeof value} cannot be kept`, "DataCloneError");
}

function lively(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(lively);
  const bytes = (value as Record<string, unknown>)[BYTES];
  if (typeof bytes === "string") return new Uint8Array(Buffer.from(bytes, "base64"));
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, lively(part)]));
}

export const encodeValue = (value: unknown): string => JSON.stringify(plain(value));
export const decodeValue = (text: string): unknown => lively(JSON.parse(text));

/** Secrets leave as a placeholder, and a placeholder that comes back stands for the secret that is there now. */
import { configErrors } from "./contracts/configuration.ts";
import { isObject, type Json } from "./json5.ts";
import { hasPassword, isSecretReference, REDACTED } from "./sensitive.ts";
import type { Path } from "./shape.ts";

type Sensitive = (path: Path, value: Json) => boolean;

const environmentReference = /^\$\{[A-Z_][A-Z0-9_]*\}$/;

/** References (`${NAME}` and `{ secret }`) stay readable. */
export function redact<T extends Json>(value: T, sensitive: Sensitive, path: Path = [], inside = false): Json {
  if (isSecretReference(value)) return value;
  const isOwn = path.length > 0 && sensitive(path, value);
  const secret = inside || isOwn;
  if (typeof value === "string")
    return (secret || hasPassword(value)) && value !== "" && !environmentReference.test(value) ? REDACTED : value;
  if (typeof value === "number") return isOwn ? REDACTED : value;
  if (Array.isArray(value)) return value.map((item, i) => redact(item as Json, sensitive, [...path, String(i)], secret));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, redact(member, sensitive, [...path, key], secret)]));
}

/** The secrets that stand in a value in force, where references have been put in. */
export function secretsIn(value: Json | undefined, sensitive: Sensitive, path: Path = [], inside = false): string[] {
  if (isSecretReference(value)) return [];
  const secret = inside || (path.length > 0 && value !== undefined && sensitive(path, value));
  if (typeof value === "string") return (secret || hasPassword(value)) && value !== "" ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => secretsIn(member, sensitive, [...path, key], secret));
}

/** Puts the secrets of `current` back. Throws `CONFIG_INVALID` for a placeholder that stands for nothing certain. */
export function restore(value: Json, current: Json | undefined, path: Path = []): Json {
  if (value === REDACTED) {
    if (typeof current === "string" || typeof current === "number") return current;
    throw configErrors.CONFIG_INVALID(`${path.join(".")} holds ${REDACTED}, but no secret is stored there: write the secret itself`);
  }
  if (Array.isArray(value)) {
    const before = Array.isArray(current) ? current : [];
    return value.map((item: Json, i) => {
      const twin = isObject(item) && "id" in item ? before.find((other) => isObject(other) && other.id === item.id) : undefined;
      return restore(item, twin ?? (before.length === value.length ? before[i] : undefined), [...path, String(i)]);
    });
  }
  if (!isObject(value)) return value;
  const before = isObject(current) ? current : {};
  const at = (key: string) => (Object.hasOwn(before, key) ? before[key] : undefined);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, restore(member, at(key), [...path, key])]));
}

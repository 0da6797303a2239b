/** JSON merge patch with two cautions: lists of things with an `id` merge by it, and no list loses an item by accident. */
import { configErrors } from "@pincer/plugin-sdk/contracts/configuration";
import { isObject, type Json, type JsonObject } from "@pincer/plugin-sdk/json5";
import type { Path } from "@pincer/plugin-sdk/shape";

type Item = JsonObject & { readonly id: string };
const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);
const areItems = (list: readonly Json[]): list is readonly Item[] => list.every((item) => isObject(item) && typeof item.id === "string");

/** `agents.list[].tools`, `a["b"].c`, `agents.list.0` -> one spelling; an index in the middle stands for any, one at the end for itself. */
const spelled = (path: string): string =>
  path
    .replace(/\["([^"]*)"\]/g, ".$1")
    .replace(/(?:\.\d+|\[\d*\])(?=[.[])/g, "[]")
    .replace(/\[\]$/, "")
    .replace(/\[(\d+)\]$/, ".$1");

/**
 * Throws `CONFIG_INVALID` when a list would lose an item and its path is not among `replacePaths`; objects and lists at those paths
 * become exactly what the patch says.
 */
export function mergePatch(value: Json | undefined, patch: Json, replacePaths: readonly string[] = []): Json {
  const replaced = new Set(replacePaths.map(spelled));
  return merge(value, patch, []);

  function merge(before: Json | undefined, change: Json, path: Path): Json {
    if (path.length > 0 && replaced.has(spelled(path.join(".")))) return withoutNulls(change);
    if (isObject(change)) {
      const merged = new Map(Object.entries(isObject(before) ? before : {}));
      for (const [key, member] of Object.entries(change)) {
        if (member === null) merged.delete(key);
        else merged.set(key, merge(merged.get(key), member, [...path, key]));
      }
      return Object.fromEntries(merged);
    }
    if (!isList(before) || !isList(change)) return change;
    if (before.length > 0 && areItems(before) && areItems(change)) {
      const own = new Map(change.map((item) => [item.id, item]));
      const kept = before.map((item, i) => (own.has(item.id) ? merge(item, own.get(item.id)!, [...path, String(i)]) : item));
      return [...kept, ...change.filter((item) => !before.some(({ id }) => id === item.id)).map(withoutNulls)];
    }
    // Each item stands for one alone: two secrets look alike here.
    const rest = [...change];
    const lost = before.filter((item) => {
      const found = rest.findIndex((other) => Bun.deepEquals(item, other));
      return found < 0 || rest.splice(found, 1).length === 0;
    });
    if (lost.length === 0) return change;
    const where = path.join(".");
    throw configErrors.CONFIG_INVALID(
      `nothing was changed: ${where} would lose ${lost.length} of ${before.length} items; send all that stay, or name "${where}" in replacePaths`,
      { data: { path: where } },
    );
  }
}

const withoutNulls = (value: Json): Json =>
  isObject(value)
    ? Object.fromEntries(Object.entries(value).flatMap(([key, member]) => (member === null ? [] : [[key, withoutNulls(member)]])))
    : value;

/** The dotted paths at which two values differ, down to members of objects. */
export function changedPaths(before: Json | undefined, after: Json | undefined, path: Path = []): string[] {
  if (Bun.deepEquals(before, after)) return [];
  if (!isObject(before) || !isObject(after)) return [path.join(".")];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => changedPaths(before[key], after[key], [...path, key]));
}

/** Fits a written value to its schema: defaults filled in, unknown keys left out with a warning, whatever does not fit named. */
import { type ConfigIssue, configErrors } from "@pincer/plugin-sdk/contracts/configuration";
import { isObject, type Json, type JsonObject } from "@pincer/plugin-sdk/json5";
import { isSecretReference, isSensitive } from "@pincer/plugin-sdk/sensitive";
import { childrenOf, type Path, type Shape } from "@pincer/plugin-sdk/shape";
import { suggestion } from "./suggestion.ts";

/** Whether another owner declares this very path, or only something below it. */
export type Foreign = (path: Path) => "here" | "below" | undefined;
export type Report = (level: ConfigIssue["level"], path: Path, message: string) => void;

const unsupported = ["$ref", "$defs", "allOf", "oneOf", "not", "if", "dependentRequired", "dependentSchemas", "contains", "minProperties"];

/** Throws `CONFIG_SCHEMA_UNSUPPORTED` for what could not be checked faithfully. */
export function checkShape(shape: Shape, path: Path): void {
  const keyword = unsupported.find((word) => word in shape);
  if (keyword) throw configErrors.CONFIG_SCHEMA_UNSUPPORTED(`the schema of ${path.join(".")} uses ${keyword}, which cannot be checked`);
  for (const [key, child] of childrenOf(shape)) checkShape(child, [...path, key]);
}

/** The value with its defaults, without what other owners declare. What does not fit is reported, and stands in the answer as it came. */
export function fit(shape: Shape, value: Json | undefined, path: Path, report: Report, foreign: Foreign): Json | undefined {
  if (value === undefined) return shape.default === undefined ? undefined : fit(shape, shape.default as Json, path, report, foreign);
  if (shape.anyOf) return fitBest(shape, value, path, report, foreign);
  if (isSecretReference(value) && shape.type === "string") return value;
  if (!isOfType(shape, value)) {
    report("error", path, `expected ${wanted(shape)}, came ${shown(value, shape, path)}`);
    return value;
  }
  if (isObject(value) && (shape.type === "object" || shape.properties)) return fitObject(shape, value, path, report, foreign);
  if (Array.isArray(value) && shape.items) {
    const { items } = shape;
    const of = (i: number): Shape => (Array.isArray(items) ? (items[i] ?? {}) : (items as Shape));
    return value.map((item: Json, i) => fit(of(i), item, [...path, String(i)], report, foreign) ?? null);
  }
  return value;
}

function fitObject(shape: Shape, value: JsonObject, path: Path, report: Report, foreign: Foreign): JsonObject {
  const fitted: Record<string, Json> = {};
  for (const [key, child] of Object.entries(shape.properties ?? {})) {
    const at = [...path, key];
    if (foreign(at) === "here") continue;
    const isRequired = shape.required?.includes(key) ?? false;
    const written = Object.hasOwn(value, key) ? value[key] : undefined;
    const start = written === undefined && child.default === undefined && isRequired && child.type === "object" ? {} : written;
    const member = fit(child, start, at, report, foreign);
    if (member !== undefined) fitted[key] = member;
    else if (isRequired) report("error", at, `expected ${wanted(child)}, came nothing`);
  }
  for (const [key, member] of Object.entries(value)) {
    const at = [...path, key];
    if (Object.hasOwn(shape.properties ?? {}, key) || foreign(at) === "here") continue;
    const child = Object.entries(shape.patternProperties ?? {}).find(([pattern]) => new RegExp(pattern).test(key))?.[1];
    const rest = child ?? shape.additionalProperties;
    if (typeof rest === "object") fitted[key] = fit(rest, member, at, report, foreign) ?? null;
    else if (rest === true || (!shape.properties && !shape.patternProperties)) fitted[key] = member;
    else if (!foreign(at)) report("warning", at, `unknown key${suggestion(key, Object.keys(shape.properties ?? {}))}`);
  }
  return fitted;
}

/** The alternative with which least is wrong; an unknown key is less wrong than a value that does not fit. */
function fitBest(shape: Shape, value: Json, path: Path, report: Report, foreign: Foreign): Json | undefined {
  let best: { cost: number; fitted: Json | undefined; found: Parameters<Report>[] } | undefined;
  for (const branch of shape.anyOf!) {
    const found: Parameters<Report>[] = [];
    const fitted = fit(branch, value, path, (...issue) => found.push(issue), foreign);
    const cost = found.reduce((sum, [level, at]) => sum + (level === "warning" ? 1 : at.length > path.length ? 1000 : 1_000_000), 0);
    if (!best || cost < best.cost) best = { cost, fitted, found };
  }
  if (best && best.cost < 1_000_000) for (const issue of best.found) report(...issue);
  else report("error", path, `expected ${wanted(shape)}, came ${shown(value, shape, path)}`);
  return best?.fitted;
}

function isOfType(shape: Shape, value: Json): boolean {
  if ("const" in shape && value !== shape.const) return false;
  if (shape.enum && !shape.enum.includes(value)) return false;
  if (shape.type === "object") return isObject(value);
  if (shape.type === "array") {
    if (!Array.isArray(value) || value.length < (shape.minItems ?? 0) || value.length > (shape.maxItems ?? Infinity)) return false;
    return !shape.uniqueItems || new Set(value.map((item) => JSON.stringify(item))).size === value.length;
  }
  if (shape.type === "string") {
    if (typeof value !== "string" || value.length < (shape.minLength ?? 0) || value.length > (shape.maxLength ?? Infinity)) return false;
    return shape.pattern === undefined || new RegExp(shape.pattern).test(value);
  }
  if (shape.type === "number" || shape.type === "integer") {
    if (typeof value !== "number" || (shape.type === "integer" && !Number.isInteger(value))) return false;
    if (value < (shape.minimum ?? -Infinity) || value > (shape.maximum ?? Infinity)) return false;
    if (value <= (shape.exclusiveMinimum ?? -Infinity) || value >= (shape.exclusiveMaximum ?? Infinity)) return false;
    return shape.multipleOf === undefined || value % shape.multipleOf === 0;
  }
  if (shape.type === "boolean") return typeof value === "boolean";
  return shape.type !== "null" || value === null;
}

function wanted(shape: Shape): string {
  if (shape.anyOf) return [...new Set(shape.anyOf.map(wanted))].join(" or ");
  if ("const" in shape) return JSON.stringify(shape.const);
  if (shape.enum) return shape.enum.map((item) => JSON.stringify(item)).join(" or ");
  const low = shape.minimum ?? shape.minLength ?? shape.minItems;
  const high = shape.maximum ?? shape.maxLength ?? shape.maxItems;
  const unit = shape.minLength !== undefined || shape.maxLength !== undefined ? " characters" : shape.type === "array" ? " items" : "";
  const range =
    low !== undefined && high !== undefined
      ? ` from ${low} to ${high}`
      : low !== undefined
        ? ` of at least ${low}`
        : high !== undefined
          ? ` of at most ${high}`
          : "";
  const bounds = [
    shape.exclusiveMinimum === undefined ? "" : ` above ${shape.exclusiveMinimum}`,
    shape.exclusiveMaximum === undefined ? "" : ` below ${shape.exclusiveMaximum}`,
    shape.multipleOf === undefined ? "" : ` divisible by ${shape.multipleOf}`,
    shape.pattern === undefined ? "" : ` like ${shape.pattern}`,
    shape.uniqueItems ? " without repetitions" : "",
  ];
  return `${shape.type ?? "a value"}${range}${range && unit}${bounds.join("")}`;
}

/** What came, short, and never a secret's text: messages reach logs and agents. */
function shown(value: Json, shape: Shape, path: Path): string {
  if (isObject(value)) return "an object";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "string" && isSensitive(path, shape)) return `a string of ${value.length} characters`;
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

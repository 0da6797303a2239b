/** Fits a written value to its schema: defaults filled in, unknown keys left out with a warning, whatever does not fit named. */
import { describeValue } from "./check.ts";
import { type ConfigIssue, configErrors } from "./contracts/configuration.ts";
import { errorMessage } from "./error.ts";
import { isObject, type Json, type JsonObject } from "./json5.ts";
import { slowness } from "./pattern.ts";
import { hasPassword, isSecretReference, isSensitive } from "./sensitive.ts";
import { childrenOf, describeShape, highest, isText, lowest, type Path, type Shape } from "./shape.ts";
import { suggestion } from "./suggestion.ts";

export type Report = (level: ConfigIssue["level"], path: Path, message: string) => void;

const unsupported = ["$ref", "$defs", "allOf", "oneOf", "not", "if", "dependentRequired", "dependentSchemas", "contains", "minProperties"];

const mention = new RegExp(`"(?:${unsupported.map(RegExp.escape).join("|")})":`);

/** Found in order: every plugin has some of them. */
const sound = new WeakSet<Shape>();

/** Throws `CONFIG_SCHEMA_UNSUPPORTED` for what could not be checked faithfully. */
export function checkShape(shape: Shape, path: Path): void {
  if (sound.has(shape)) return;
  // A start checks forty: to walk through each would be a tenth of it.
  if (mention.test(JSON.stringify(shape))) checkKeywords(shape, path);
  sound.add(shape);
}

function checkKeywords(shape: Shape, path: Path): void {
  const keyword = unsupported.find((word) => word in shape);
  if (keyword) throw configErrors.CONFIG_SCHEMA_UNSUPPORTED(`the schema of ${path.join(".")} uses ${keyword}, which cannot be checked`);
  for (const [key, child] of childrenOf(shape)) checkKeywords(child, [...path, key]);
}

/** A section's schema: an object there has its defaults without being asked for. */
export const asSection = (shape: Shape): Shape =>
  shape.type === "object" && shape.default === undefined ? { ...shape, default: {} } : shape;

/** The value with its defaults. What does not fit is reported, and stands in the answer as it came. */
export function fit(shape: Shape, value: Json | undefined, path: Path, report: Report): Json | undefined {
  if (value === undefined) return shape.default === undefined ? undefined : fit(shape, shape.default as Json, path, report);
  if (shape.anyOf) return fitBest(shape, shape.anyOf, value, path, report);
  if (isSecretReference(value) && shape.type === "string") return value;
  if (!isSound(shape, value)) return misfit(shape, value, path, report);
  if (isObject(value) && (shape.type === "object" || shape.properties)) return fitObject(shape, value, path, report);
  if (Array.isArray(value) && shape.items) {
    const { items } = shape;
    const of = (i: number): Shape => (Array.isArray(items) ? (items[i] ?? {}) : (items as Shape));
    return value.map((item: Json, i) => fit(of(i), item, [...path, String(i)], report) ?? null);
  }
  return value;
}

function misfit(shape: Shape, value: Json, path: Path, report: Report): Json {
  const why = shape.format === "regex" && typeof value === "string" ? unfitFor(value) : undefined;
  report("error", path, `expected ${describeShape(shape)}, came ${shown(value, shape, path)}${why === undefined ? "" : `: ${why}`}`);
  return value;
}

/** Why a text is no regular expression to match with here. */
function unfitFor(pattern: string): string | undefined {
  try {
    new RegExp(pattern);
  } catch (error) {
    return errorMessage(error);
  }
  return slowness(pattern);
}

function fitObject(shape: Shape, value: JsonObject, path: Path, report: Report): JsonObject {
  const { properties = {}, patternProperties = {}, required = [] } = shape;
  const fitted: Record<string, Json> = {};
  for (const [key, child] of Object.entries(properties)) {
    const isRequired = required.includes(key);
    const written = Object.hasOwn(value, key) ? value[key] : undefined;
    const isBare = written === undefined && child.default === undefined;
    const start = isBare && isRequired && child.type === "object" ? {} : written;
    const member = isBare && start === undefined ? undefined : fit(child, start, [...path, key], report);
    if (member !== undefined) fitted[key] = member;
    else if (isRequired) report("error", [...path, key], `expected ${describeShape(child)}, came nothing`);
  }
  for (const [key, member] of Object.entries(value)) {
    if (Object.hasOwn(properties, key)) continue;
    const child = Object.entries(patternProperties).find(([pattern]) => new RegExp(pattern).test(key))?.[1];
    const rest = child ?? shape.additionalProperties;
    if (typeof rest === "object") fitted[key] = fit(rest, member, [...path, key], report) ?? null;
    else if (rest === true || (!shape.properties && !shape.patternProperties)) fitted[key] = member;
    else report("warning", [...path, key], `unknown key${suggestion(key, Object.keys(properties))}`);
  }
  return fitted;
}

/** To the alternative with which least is wrong inside; an unknown key is less wrong than a value that does not fit. */
function fitBest(shape: Shape, branches: readonly Shape[], value: Json, path: Path, report: Report): Json | undefined {
  const tried = branches.map((branch) => {
    const found: Parameters<Report>[] = [];
    const fitted = fit(branch, value, path, (...issue) => found.push(issue));
    const isNear = found.every(([level, at]) => level === "warning" || at.length > path.length);
    return { fitted, found, isNear, cost: found.reduce((sum, [level]) => sum + (level === "warning" ? 1 : 1000), 0) };
  });
  const best = tried.filter(({ isNear }) => isNear).sort((a, b) => a.cost - b.cost)[0];
  if (!best) return misfit(shape, value, path, report);
  for (const issue of best.found) report(...issue);
  return best.fitted;
}

const types: Readonly<Record<string, (value: Json) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};

/** Leaves what is inside to `fit`. */
function isSound(shape: Shape, value: Json): boolean {
  if ("const" in shape) return value === shape.const;
  if (shape.enum) return shape.enum.includes(value);
  if (shape.type !== undefined && types[shape.type]?.(value) === false) return false;
  const size = typeof value === "number" ? value : typeof value === "string" || Array.isArray(value) ? value.length : undefined;
  if (size === undefined) return true;
  if (size < (lowest(shape) ?? -Infinity) || size > (highest(shape) ?? Infinity)) return false;
  if (shape.type === "array") return !shape.uniqueItems || new Set((value as Json[]).map((item) => JSON.stringify(item))).size === size;
  if (shape.type === "string" && shape.format === "regex") return unfitFor(String(value)) === undefined;
  if (shape.type === "string") return shape.pattern === undefined || new RegExp(shape.pattern).test(String(value));
  if (shape.type !== "number" && shape.type !== "integer") return true;
  if (size <= (shape.exclusiveMinimum ?? -Infinity) || size >= (shape.exclusiveMaximum ?? Infinity)) return false;
  return shape.multipleOf === undefined || size % shape.multipleOf === 0;
}

/** What came, short, and never a secret's text: messages reach logs and agents. */
function shown(value: Json, shape: Shape, path: Path): string {
  const isSecret = (typeof value === "string" || (typeof value === "number" && isText(shape))) && isSensitive(path, shape);
  if (isSecret || typeof value === "object" || hasPassword(String(value))) return describeValue(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** Values: sound ones that a schema accepts, and hostile ones that it should not. */
import type { Random } from "./random.ts";

/** JSON Schema, as far as manifests use it. */
export interface Shape {
  readonly [keyword: string]: unknown;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly allOf?: readonly Shape[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly minimum?: number;
  readonly minLength?: number;
}

/** Few, so that what is made by chance is found again, and no run makes more than it can look at. */
const sessionKeys = ["main", "agent:main:main", ...Array.from({ length: 40 }, (_, number) => `agent:main:fuzz-${number}`)];
const texts = ["hello", "list the files", "what time is it", "/status", "/new", "x", "Grüße, 世界 👋🏽", "a b\nc", "0", "true"];
const names = ["main", "fuzz", "demo/offline", "provider-demo", "agent", "AGENTS.md", "models", "gateway.port", "default"];

/** Words that mean something at the place of that name. */
const known: Readonly<Record<string, readonly string[]>> = {
  key: sessionKeys,
  sessionKey: sessionKeys,
  parentSessionKey: sessionKeys,
  agentId: ["main", "main", "fuzz"],
  message: texts,
  text: texts,
  query: texts,
  search: texts,
  model: ["demo/offline", "demo", "none/none"],
  // Never a folder outside: an administrator may have any folder made, and written to.
  workspace: ["fuzz-workspace"],
  path: ["gateway", "gateway.port", "agents.list", ""],
};

/** A value that fits, as far as that can be said without running the schema. */
export function soundValue(shape: Shape, random: Random, name = "", depth = 0): unknown {
  if ("const" in shape) return shape.const;
  if (shape.enum) return random.pick(shape.enum);
  if (shape.anyOf) return soundValue(random.pick(shape.anyOf), random, name, depth);
  if (shape.allOf) return Object.assign({}, ...shape.allOf.map((part) => soundValue(part, random, name, depth)));
  switch (shape.type) {
    case "object": {
      const { properties = {}, required = [], patternProperties } = shape;
      const made: Record<string, unknown> = {};
      for (const [key, child] of Object.entries(properties))
        if (required.includes(key) || (depth < 4 && random.chance(0.4))) made[key] = soundValue(child, random, key, depth + 1);
      const [open] = Object.values(patternProperties ?? {});
      if (open && depth < 4) for (let n = random.below(3); n > 0; n--) made[random.pick(names)] = soundValue(open, random, name, depth + 1);
      return made;
    }
    case "array":
      return Array.from({ length: depth > 3 ? 0 : random.below(3) }, () => soundValue(shape.items ?? {}, random, name, depth + 1));
    case "string":
      if (/idempotencyKey|runId/i.test(name)) return `fuzz-${random.below(1_000_000_000).toString(36)}`;
      return random.pick(known[name] ?? (random.chance(0.5) ? names : texts));
    case "integer":
    case "number":
      return (shape.minimum ?? 0) + random.below(random.pick([2, 10, 1_000]));
    case "boolean":
      return random.chance(0.5);
    case "null":
      return null;
    default:
      return random.pick<unknown>([null, true, 1, "x", [], {}]);
  }
}

/** Text of JSON that no program writes by itself. Where it is none, the parser is what is tried. */
const hostileTexts = [
  "null",
  "true",
  "0",
  "-0",
  "-1",
  "0.1",
  "1e308",
  "1e309",
  "-1e400",
  "9007199254740993",
  "123456789012345678901234567890",
  "1E400",
  "01",
  "+1",
  ".5",
  "0x10",
  "NaN",
  "Infinity",
  "undefined",
  '""',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"\\u202e\\ufeff"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"../fuzz-outside"',
  '"%s%n%x"',
  '"\'; drop table session; --"',
  `"$\{PINCER_TOKEN}"`,
  '"\u2028"',
  '"\\x41"',
  "'single'",
  "[]",
  "{}",
  "[[[[]]]]",
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":1,"valueOf":2,"then":3}',
  '{"length":4294967295}',
  "[,]",
  "{,}",
  '{"a":1,"a":2}',
];

const hostileKeys = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "then",
  "toJSON",
  "length",
  "",
  "\u0000",
  "\ud800",
  "type",
  "id",
  "method",
  "params",
];

const sizes = [1, 100, 4_000, 70_000];

/** The text of a hostile value: short ones mostly, now and then one that is long or deep. */
export function hostileText(random: Random): string {
  const kind = random.below(40);
  if (kind === 0) return JSON.stringify("x".repeat(random.pick(sizes)));
  if (kind === 1) return JSON.stringify("💥".repeat(random.pick(sizes) >> 2));
  if (kind === 2) {
    const depth = random.pick([10, 500, 20_000]);
    return `${"[".repeat(depth)}${random.chance(0.9) ? "]".repeat(depth) : ""}`;
  }
  if (kind === 3) {
    const depth = random.pick([10, 500, 10_000]);
    return `${'{"a":'.repeat(depth)}1${random.chance(0.9) ? "}".repeat(depth) : ""}`;
  }
  if (kind === 4) return `[${"0,".repeat(random.pick(sizes))}0]`;
  if (kind === 5) return `{${Array.from({ length: random.below(300) }, (_, n) => `"k${n}":${n}`).join(",")}}`;
  if (kind === 6) return "9".repeat(random.pick(sizes));
  return random.pick(hostileTexts);
}

export const hostileKey = (random: Random): string => random.pick(hostileKeys);

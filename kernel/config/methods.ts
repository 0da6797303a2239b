/** `config.*` on the wire. Secrets leave redacted; a write that would leave something wrong is refused whole. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { isObject, type Json, jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import { editJson5 } from "@pincer/plugin-sdk/json5-edit";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { bindMethod, type Emit, type MethodBinding } from "../bus/bindings.ts";
import type { Config, Snapshot } from "./config.ts";
import { configErrors } from "./errors.ts";
import { hintOf, hintsOf, outline } from "./outline.ts";
import { changedPaths, mergePatch } from "./patch.ts";
import { redact, restore } from "./redact.ts";
import { childrenOf, type Shape } from "./schema.ts";
import { shapesAt } from "./snapshot.ts";

const closed = { additionalProperties: false };
const text = Type.String({ minLength: 1 });
const Write = {
  raw: Type.String({ minLength: 1, description: "JSON5" }),
  baseHash: Type.Optional(Type.String({ minLength: 1, description: "`hash` of config.get; required while a file exists" })),
};
const Reasoned = {
  ...Write,
  sessionKey: Type.Optional(Type.String()),
  deliveryContext: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]))),
  note: Type.Optional(Type.String()),
  restartDelayMs: Type.Optional(Type.Integer({ minimum: 0, description: "Changes are applied at once; nothing restarts" })),
};
const Issues = Type.Array(
  Type.Object({
    path: Type.String(),
    message: Type.String(),
    line: Type.Optional(Type.Integer()),
    column: Type.Optional(Type.Integer()),
  }),
);
const Hint = Type.Partial(
  Type.Object({
    label: Type.String(),
    help: Type.String(),
    group: Type.String(),
    order: Type.Integer(),
    advanced: Type.Boolean(),
    sensitive: Type.Boolean(),
    placeholder: Type.String(),
  }),
);
const Written = Type.Object({ ok: Type.Literal(true), path: Type.String(), hash: Type.String(), config: Type.Unknown() });
const Applied = Type.Composite([Written, Type.Object({ changedPaths: Type.Array(Type.String()), sentinel: Type.Null() })]);
const reload = Type.Literal("hot");

export const configGet = defineMethod({
  name: "config.get",
  summary: "The configuration: the file's text, what is in force, and what is wrong with it",
  scope: "operator.read",
  params: Type.Object({}, closed),
  result: Type.Object({
    path: Type.String(),
    exists: Type.Boolean(),
    raw: Type.Union([Type.String(), Type.Null()]),
    parsed: Type.Unknown(),
    config: Type.Unknown(),
    valid: Type.Boolean(),
    issues: Issues,
    warnings: Issues,
    hash: Type.String(),
    configRevisionHash: Type.String(),
    appliedConfigHash: Type.String(),
  }),
});
export const configSet = defineMethod({
  name: "config.set",
  summary: "Replaces the file's text",
  scope: "operator.admin",
  params: Type.Object(Write, closed),
  result: Written,
});
export const configApply = defineMethod({
  name: "config.apply",
  summary: "Replaces the file's text and says what changed",
  scope: "operator.admin",
  params: Type.Object(Reasoned, closed),
  result: Applied,
});
export const configPatch = defineMethod({
  name: "config.patch",
  summary: "Merges a patch into the file, comments kept; null removes a key",
  scope: "operator.admin",
  params: Type.Object({ ...Reasoned, replacePaths: Type.Optional(Type.Array(text, { maxItems: 256 })) }, closed),
  result: Applied,
});
export const configSchema = defineMethod({
  name: "config.schema",
  summary: "The schema of everything that can be configured",
  scope: "operator.read",
  params: Type.Object({}, closed),
  result: Type.Object({ schema: Type.Unknown(), uiHints: Type.Record(Type.String(), Hint), version: text, generatedAt: text }),
});
export const configSchemaLookup = defineMethod({
  name: "config.schema.lookup",
  summary: "One part of the schema, and what stands directly below it",
  scope: "operator.read",
  params: Type.Object({ path: Type.String({ minLength: 1, maxLength: 1024, pattern: "^[A-Za-z0-9_./\\[\\]\\-*]+$" }) }, closed),
  result: Type.Object({
    path: text,
    schema: Type.Unknown(),
    reloadKind: Type.Optional(reload),
    hint: Type.Optional(Hint),
    hintPath: Type.Optional(Type.String()),
    children: Type.Array(
      Type.Object({
        key: text,
        path: text,
        type: Type.Optional(Type.String()),
        required: Type.Boolean(),
        hasChildren: Type.Boolean(),
        reloadKind: Type.Optional(reload),
        hint: Type.Optional(Hint),
        hintPath: Type.Optional(Type.String()),
      }),
    ),
  }),
});
export const configChanged = defineEvent({
  name: "config.changed",
  summary: "Another configuration is in force",
  scope: "operator.read",
  payload: Type.Object({ path: Type.String(), hash: Type.String(), ts: Type.Integer() }),
});

export interface ConfigWire {
  readonly clock: Clock;
  /** The gateway's. */
  readonly version: string;
  /** Given `config.changed` after each change that was applied. */
  readonly emit: Emit;
}

export function configMethods(config: Config, { clock, version, emit }: ConfigWire): MethodBinding[] {
  config.onChange("", () => emit(configChanged, { path: config.path, hash: config.current().hash, ts: clock.now() }));
  const redacted = (value: Json) => redact(value, config.isSensitive);
  const list = (snapshot: Snapshot, wanted: "error" | "warning") =>
    snapshot.issues.filter(({ level }) => level === wanted).map(({ level: _, ...issue }) => issue);
  const replaced = (raw: string) => (before: Snapshot) => editJson5(raw, restore(jsonOf(parseJson5(raw)), before.written));
  const patched = (raw: string, replacePaths?: readonly string[]) => (before: Snapshot) => {
    const patch = jsonOf(parseJson5(raw));
    if (!isObject(patch)) throw configErrors.CONFIG_INVALID("config.patch raw must be an object");
    return editJson5(before.raw ?? "{}", mergePatch(before.written, restore(patch, before.written), replacePaths));
  };

  async function write(baseHash: string | undefined, edit: (before: Snapshot) => string) {
    const before = config.current();
    const after = await config.write({ baseHash, edit });
    return {
      ok: true as const,
      path: after.path,
      hash: after.hash,
      config: redacted(after.value),
      before: before.written,
      after: after.written,
    };
  }

  async function writeChecked(baseHash: string | undefined, edit: (before: Snapshot) => string) {
    if (baseHash === undefined && config.current().raw !== undefined)
      throw configErrors.CONFIG_STALE("config base hash required; re-run config.get and retry");
    const { before, after, ...written } = await write(baseHash, edit);
    return { ...written, changedPaths: changedPaths(before ?? {}, after ?? {}), sentinel: null };
  }

  function lookup(path: string) {
    const steps = path.split(/[./[\]]+/).filter((step) => step !== "");
    const shapes = shapesAt([outline(config.declarations())], steps);
    const shape = shapes[0];
    if (!shape || steps.length === 0) throw configErrors.CONFIG_PATH_UNKNOWN(`config schema path not found: ${path}`);
    const described = (of: Shape, at: readonly string[]) => {
      const hint = hintOf(of, at);
      return { reloadKind: "hot" as const, ...(hint && { hint, hintPath: at.join(".") }) };
    };
    const children = shapes.flatMap(childrenOf).map(([key, child]) => ({
      key,
      path: [...steps, key].join("."),
      ...(child.type !== undefined && { type: child.type }),
      required: shape.required?.includes(key) ?? false,
      hasChildren: childrenOf(child).length > 0,
      ...described(child, [...steps, key]),
    }));
    const { properties: _, patternProperties: __, items: ___, anyOf: ____, ...own } = shape;
    return { path: steps.join("."), schema: plain(own), children, ...described(shape, steps) };
  }

  return [
    bindMethod(configGet, () => {
      const now = config.current();
      return {
        path: now.path,
        exists: now.raw !== undefined,
        // A text that cannot be parsed cannot be redacted either.
        raw: now.raw === undefined || now.written === undefined ? null : editJson5(now.raw, redacted(now.written)),
        parsed: redacted(now.written ?? {}),
        config: redacted(now.value),
        valid: list(now, "error").length === 0,
        issues: list(now, "error"),
        warnings: list(now, "warning"),
        hash: now.hash,
        configRevisionHash: now.hash,
        appliedConfigHash: now.appliedHash,
      };
    }),
    bindMethod(configSet, async ({ raw, baseHash }) => {
      const { before: _, after: __, ...written } = await write(baseHash, replaced(raw));
      return written;
    }),
    bindMethod(configApply, ({ raw, baseHash }) => writeChecked(baseHash, replaced(raw))),
    bindMethod(configPatch, ({ raw, baseHash, replacePaths }) => writeChecked(baseHash, patched(raw, replacePaths))),
    bindMethod(configSchema, () => {
      const root = outline(config.declarations());
      return {
        schema: plain(root),
        uiHints: Object.fromEntries(hintsOf(root)),
        version,
        generatedAt: new Date(clock.now()).toISOString(),
      };
    }),
    bindMethod(configSchemaLookup, ({ path }) => lookup(path)),
  ];
}

/** Without TypeBox's symbols. */
const plain = (shape: Shape): unknown => JSON.parse(JSON.stringify(shape));

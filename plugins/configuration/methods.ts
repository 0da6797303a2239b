/** `config.*` on the wire. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

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

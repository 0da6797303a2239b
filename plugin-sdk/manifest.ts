/** `plugin.json`: what anybody knows of a plugin without running it: the host, the CLI, a build, a page. Under `generated` stands what `pincer plugin build` found in the code. */
import { type Static, type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { Errors } from "@sinclair/typebox/errors";
import { Check } from "@sinclair/typebox/value";
import { expectedBy } from "./check.ts";
import { errorMessage } from "./error.ts";
import { wireScopes } from "./method.ts";
import sdk from "./package.json" with { type: "json" };
import { pluginErrors } from "./plugin-errors.ts";
import { reviveSchema } from "./schema.ts";

const closed = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false });
const oneOf = <const T extends string>(values: readonly T[]) => Type.Unsafe<T>(Type.Union(values.map((value) => Type.Literal(value))));
const byName = <T extends TSchema>(schema: T) => Type.Optional(Type.Record(Type.String({ minLength: 1 }), schema));
const Text = Type.String({ minLength: 1 });
const Texts = Type.Optional(Type.Array(Text));
const JsonSchema = Type.Unsafe<TSchema>(Type.Record(Type.String(), Type.Unknown()));

/**
 * Nothing is accepted here that nothing would enforce. `config:<pointer>` means what the operator configured there (`*` is any key), and
 * `secret:<NAME>` the host of the URL that a secret of that name holds.
 */
export const Permissions = closed({
  net: Type.Optional(
    Type.Array(
      Type.String({
        pattern:
          "^(public|config:/.+|secret:[A-Z][A-Z0-9_]*|(\\*\\.)?[A-Za-z0-9.-]+:\\d+|([A-Za-z0-9-]+\\.)+\\*(\\.[A-Za-z0-9-]+){2,}:\\d+|\\[[0-9a-f:]+\\]:\\d+)$",
      }),
    ),
  ),
  files: Type.Optional(closed({ read: Texts, write: Texts })),
  exec: Texts,
  /** Paths of unix sockets. */
  sockets: Texts,
  secrets: Texts,
  /** What gateway methods it may call. */
  scopes: Type.Optional(Type.Array(oneOf(wireScopes))),
  /** Kept for a plugin in a process of its own. */
  limits: Type.Optional(
    closed({
      memoryMb: Type.Optional(Type.Integer({ minimum: 16 })),
      openFiles: Type.Optional(Type.Integer({ minimum: 16 })),
      processes: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  ),
});
export type Permissions = Static<typeof Permissions>;

export const Generated = closed({
  /** Contract id -> what is expected of it. */
  uses: byName(closed({ version: Type.Integer(), arity: oneOf(["one", "many"]), optional: Type.Optional(Type.Boolean()) })),
  /** Contract id -> name -> what is provided; `optional` names the optional members that exist. */
  provides: byName(
    Type.Record(Text, closed({ version: Type.Integer(), arity: oneOf(["one", "many"]), record: Type.Unknown(), optional: Texts })),
  ),
  methods: byName(
    closed({
      summary: Type.String(),
      /** Of a scope that depends on the parameters, which is then `dynamic`, the least. */
      scope: oneOf([...wireScopes, "node", "any"]),
      dynamic: Type.Optional(Type.Literal(true)),
      params: JsonSchema,
      result: JsonSchema,
      accepted: Type.Optional(JsonSchema),
      idempotency: Type.Optional(oneOf(["kept", "handled"])),
    }),
  ),
  emits: byName(
    closed({
      summary: Type.String(),
      scope: oneOf([...wireScopes, "any"]),
      payload: JsonSchema,
      dropIfSlow: Type.Optional(Type.Boolean()),
    }),
  ),
  listens: Texts,
  /** Path prefix -> who may come in. */
  routes: Type.Optional(Type.Record(Type.String({ pattern: "^/" }), closed({ access: oneOf(["token", "open"]) }))),
  jobs: byName(
    closed({ journal: Type.Integer(), concurrency: Type.Optional(Type.Integer({ minimum: 1 })), input: JsonSchema, result: JsonSchema }),
  ),
  hooks: byName(closed({ kind: oneOf(["first", "series", "all", "transform", "gate"]), order: Type.Optional(Type.Number()) })),
  commands: byName(
    closed({
      ...{ summary: Type.String(), usage: Type.String(), family: Type.Optional(Type.String()) },
      flags: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  ),
  facets: byName(closed({ summary: Type.String(), schema: JsonSchema, patch: Type.Optional(oneOf(wireScopes)) })),
  health: Type.Optional(Type.Boolean()),
  /** Of what is handed to the next generation. */
  state: Type.Optional(JsonSchema),
  config: Type.Optional(JsonSchema),
});
export type Generated = Static<typeof Generated>;

export const Manifest = closed({
  id: Type.String({ pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", maxLength: 64 }),
  version: Type.String({ pattern: "^\\d+\\.\\d+\\.\\d+(-[0-9A-Za-z.-]+)?$" }),
  /** Range of SDK versions that it works with. */
  sdk: Text,
  summary: Text,
  entry: Type.String({ pattern: "^(?!.*\\.\\.)[A-Za-z0-9_][A-Za-z0-9_./-]*\\.(ts|tsx|js|mjs)$" }),
  activate: Type.Optional(oneOf(["demand", "start"])),
  /** A wish, heard of code of this repository alone, and only where the operator says nothing else. */
  isolation: Type.Optional(oneOf(["inline", "process"])),
  /** Seconds without a call after which a plugin that is activated on demand is unloaded; absent: never. */
  idleSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  permissions: Type.Optional(Permissions),
  /** Dotted path of its configuration; `plugins.<id>.config` when absent. */
  configKey: Type.Optional(Type.String({ pattern: "^[A-Za-z][A-Za-z0-9-]*(\\.[A-Za-z][A-Za-z0-9-]*)*$" })),
  /** Of several that provide a `one` contract the highest is used, unless the operator chose another. */
  rank: Type.Optional(Type.Number()),
  /** Place among the handlers of a hook, lowest first, for hooks whose registration names none. */
  order: Type.Optional(Type.Number()),
  /** Enabled without being asked for when one of these is found. */
  enableWhen: Type.Optional(
    closed({
      env: Texts,
      config: Texts,
      secrets: Texts,
      listens: Type.Optional(Type.Array(Type.String({ pattern: "^127\\.0\\.0\\.1:\\d+$" }))),
    }),
  ),
  /** Panels, for whoever shows plugins: handed on as they stand, by the contract `plugins`. */
  ui: Type.Optional(Type.Unknown()),
  generated: Type.Optional(Generated),
});
export type Manifest = Static<typeof Manifest>;
export type EnableWhen = NonNullable<Manifest["enableWhen"]>;

export const configPathOf = (manifest: Manifest): string => manifest.configKey ?? `plugins.${manifest.id}.config`;

/** Sections of the configuration that are the gateway's, or those of plugins of this repository, also of some that are not there yet. */
const taken = new Set([
  ...["gateway", "plugins", "capabilities", "agents", "routing", "auth", "models", "channels", "devices", "memory", "cron", "commands"],
  ...["discovery", "sandbox", "browser", "tts", "voicewake", "hooks", "skills", "tools", "sessions", "delivery"],
]);

/** A section is power over whom it belongs to: who declares one reads it, and says what stands there when nothing is written. Of what was installed. */
export const isOwnSection = (id: string, key = `plugins.${id}.config`): boolean =>
  key === `plugins.${id}.config` || key === `channels.${id}` || (!taken.has(id) && `${key}.`.startsWith(`${id}.`));

/** Whoever walks through it goes so deep: much more would overflow the stack of the gateway, or of a command. */
const mostNested = 200;
function nests(json: unknown, deeperThan: number): boolean {
  if (typeof json !== "object" || json === null) return false;
  return deeperThan === 0 || Object.values(json).some((inside) => nests(inside, deeperThan - 1));
}

/** Of a manifest's text: what a bundle or an installation was made from. */
export const manifestDigest = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");

/**
 * Throws `PLUGIN_MANIFEST_INVALID`, which says what was expected where, and what came, or `SCHEMA_UNSUPPORTED` for a configuration that
 * cannot be checked. `isChecked`: exactly this text was in order before.
 */
export function parseManifest(text: string, file: string, isChecked = false): Manifest {
  const refuse = (path: string, expected: string, came: string) =>
    pluginErrors.PLUGIN_MANIFEST_INVALID(`${file} at ${path || "/"}: expected ${expected}, came ${came}`, {
      data: { file, path, expected, came },
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw refuse("", "JSON", errorMessage(error));
  }
  if (!isChecked && nests(json, mostNested)) throw refuse("", `no more than ${mostNested} objects and lists inside each other`, "more");
  const error = isChecked || Check(Manifest, json) ? undefined : Errors(Manifest, json).First();
  if (error) {
    throw refuse(error.path, expectedBy(error), JSON.stringify(error.value) ?? "nothing");
  }
  const manifest = json as Manifest;
  if (!isChecked) {
    const { config, facets = {} } = manifest.generated ?? {};
    for (const schema of [config, ...Object.values(facets).map((facet) => facet.schema)]) if (schema) reviveSchema(schema);
  }
  if (!Bun.semver.satisfies(sdk.version, manifest.sdk))
    throw refuse("/sdk", `a range that holds ${sdk.version}, the SDK of this gateway`, `"${manifest.sdk}"`);
  return manifest;
}

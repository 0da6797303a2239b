/** `plugins.*` on the wire. `list`, `inspect` and `setEnabled` have the wire's shapes; `status` and `reload` are ours. */

import { PluginState, Use } from "@pincer/plugin-sdk/contracts/plugin-host";
import { type Manifest, Permissions } from "@pincer/plugin-sdk/manifest";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { type TProperties, Type } from "@sinclair/typebox";

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Texts = Type.Array(Text);
const one = <const T extends readonly string[]>(...values: T) =>
  Type.Unsafe<T[number]>(Type.Union(values.map((value) => Type.Literal(value))));
const object = <P extends TProperties>(properties: P) => Type.Object(properties, closed);
const Which = object({ pluginId: Text });
const Ok = Type.Literal(true);

export const Identity = object({
  id: Text,
  name: Text,
  description: Type.Optional(Type.String()),
  version: Type.Optional(Text),
  origin: Text,
  installed: Type.Boolean(),
  enabled: Type.Boolean(),
});
export const Entry = object({
  ...Identity.properties,
  state: one("enabled", "disabled", "error"),
  error: Type.Optional(Type.String()),
  removable: Type.Boolean(),
});
const Grant = object({ effective: Type.Boolean() });
/** What can be declared over there; of some kinds there are none here. */
const Declared = object({
  channels: Texts,
  providers: Texts,
  tools: Texts,
  contracts: Texts,
  hooks: Texts,
  mcpServers: Texts,
  cliCommands: Texts,
  cliBackends: Texts,
  skills: Texts,
  dangerousConfigFlags: Texts,
});
export const Status = object({
  id: Text,
  version: Type.Union([Type.String(), Type.Null()]),
  summary: Type.String(),
  origin: Type.String(),
  folder: Type.String(),
  state: PluginState,
  generation: Type.Integer(),
  draining: Type.Array(object({ generation: Type.Integer(), calls: Type.Array(Type.String()) })),
  isolation: one("inline", "process"),
  enforced: Type.Boolean(),
  /** Over all its generations; the times are of the last calls that were timed. */
  activity: object({
    calls: Type.Integer(),
    errors: Type.Integer(),
    latency: Type.Union([object({ p50Ms: Type.Number(), p99Ms: Type.Number() }), Type.Null()]),
  }),
  /** Of its own process, while it runs in one. */
  pid: Type.Optional(Type.Integer()),
  /** Of that process and all below it, since it was started. */
  use: Type.Optional(Use),
  permissions: Permissions,
  /** All that it declares; of one that was asked for by its id. */
  manifest: Type.Optional(Type.Unsafe<Manifest>(Type.Object({ id: Text }))),
  error: Type.Union([object({ code: Type.String(), message: Type.String() }), Type.Null()]),
});

export const pluginsList = defineMethod({
  name: "plugins.list",
  summary: "The plugins that are installed, and whether they work.",
  scope: "operator.read",
  params: object({}),
  result: object({ plugins: Type.Array(Entry), diagnostics: Type.Array(Type.Unknown()), mutationAllowed: Type.Boolean() }),
});

export const pluginsInspect = defineMethod({
  name: "plugins.inspect",
  summary: "What a plugin declares and may do. A reason says when its permissions are not enforced.",
  scope: "operator.read",
  params: Which,
  result: object({
    ok: Ok,
    plugin: Identity,
    source: object({ kind: one("bundled", "path"), spec: Text }),
    declared: Declared,
    reviewToken: Text,
    grants: object({ hooks: object({ allowPromptInjection: Grant, allowConversationAccess: Grant }) }),
    trust: object({ disposition: one("clean"), reasons: Texts }),
  }),
});

export const pluginsSetEnabled = defineMethod({
  name: "plugins.setEnabled",
  summary: "Enables or disables a plugin, at once and for good.",
  scope: "operator.admin",
  params: object({ pluginId: Text, enabled: Type.Boolean(), acknowledgeCapabilities: Type.Optional(object({ reviewToken: Text })) }),
  result: object({ ok: Ok, plugin: Entry, restartRequired: Type.Boolean() }),
});

export const pluginsStatus = defineMethod({
  name: "plugins.status",
  summary:
    "How each plugin is: state, generation, what it still waits for, permissions and whether they are enforced, its last error; of one also what it declares.",
  scope: "operator.read",
  params: object({ pluginId: Type.Optional(Text) }),
  result: object({ plugins: Type.Array(Status), gateway: Use }),
});

export const pluginsRefresh = defineMethod({
  name: "plugins.refresh",
  summary: "Looks again at what is installed or linked, so that it can be set and enabled.",
  scope: "operator.admin",
  params: object({}),
  result: object({ ok: Ok }),
});

export const pluginsReload = defineMethod({
  name: "plugins.reload",
  summary: "Starts a new generation beside the present one and swaps them; when the new one does not work, the present one stays.",
  scope: "operator.admin",
  params: Which,
  result: object({ ok: Ok, pluginId: Text, generation: Type.Integer(), visibleMs: Type.Number() }),
});

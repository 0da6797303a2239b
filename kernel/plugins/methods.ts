/** `plugins.*` on the wire. `list`, `inspect` and `setEnabled` have the wire's shapes; `status` and `reload` are ours. */

import { Permissions } from "@pincer/plugin-sdk/manifest";
import { defineMethod, type ResultOf } from "@pincer/plugin-sdk/method";
import { type Static, type TProperties, Type } from "@sinclair/typebox";
import { bindMethod, type MethodBinding } from "../bus/bindings.ts";
import type { PluginHost, PluginInfo } from "./deps.ts";

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Texts = Type.Array(Text);
const one = <const T extends readonly string[]>(...values: T) =>
  Type.Unsafe<T[number]>(Type.Union(values.map((value) => Type.Literal(value))));
const object = <P extends TProperties>(properties: P) => Type.Object(properties, closed);
const Which = object({ pluginId: Text });
const Ok = Type.Literal(true);

const Identity = {
  id: Text,
  name: Text,
  description: Type.Optional(Type.String()),
  version: Type.Optional(Text),
  origin: Text,
  installed: Type.Boolean(),
  enabled: Type.Boolean(),
};
const Entry = object({
  ...Identity,
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
const Status = object({
  id: Text,
  version: Type.Union([Type.String(), Type.Null()]),
  summary: Type.String(),
  origin: Type.String(),
  folder: Type.String(),
  state: one("disabled", "idle", "active", "failed"),
  generation: Type.Integer(),
  draining: Type.Array(object({ generation: Type.Integer(), calls: Type.Array(Type.String()) })),
  isolation: one("inline", "process"),
  enforced: Type.Boolean(),
  permissions: Permissions,
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
    plugin: object(Identity),
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
  summary: "How each plugin is: state, generation, what it still waits for, permissions and whether they are enforced, its last error.",
  scope: "operator.read",
  params: object({ pluginId: Type.Optional(Text) }),
  result: object({ plugins: Type.Array(Status) }),
});

export const pluginsReload = defineMethod({
  name: "plugins.reload",
  summary: "Starts a new generation beside the present one and swaps them; when the new one does not work, the present one stays.",
  scope: "operator.admin",
  params: Which,
  result: object({ ok: Ok, pluginId: Text, generation: Type.Integer(), visibleMs: Type.Number() }),
});

const identityOf = ({ id, manifest, origin, state }: PluginInfo): Static<ReturnType<typeof object<typeof Identity>>> => ({
  id,
  name: id,
  ...(manifest && { description: manifest.summary, version: manifest.version }),
  origin,
  installed: true,
  enabled: state !== "disabled",
});
const entryOf = (info: PluginInfo): Static<typeof Entry> => ({
  ...identityOf(info),
  state: info.error ? "error" : info.state === "disabled" ? "disabled" : "enabled",
  ...(info.error && { error: info.error.message }),
  removable: info.origin === "installed",
});
const statusOf = ({ manifest, draining, error, ...info }: PluginInfo): Static<typeof Status> => ({
  ...info,
  version: manifest?.version ?? null,
  summary: manifest?.summary ?? "",
  draining: draining.map(({ generation, calls }) => ({ generation, calls: [...calls] })),
  isolation: "inline",
  permissions: manifest?.permissions ?? {},
  error: error ?? null,
});

const unenforced = "enforced: false. It runs in the gateway's own process, where its permissions are checked by name only.";

function inspected(info: PluginInfo): ResultOf<typeof pluginsInspect> {
  const { provides = {}, hooks = {}, commands = {} } = info.manifest?.generated ?? {};
  const named = (contract: string) => Object.keys(provides[contract] ?? {});
  const has = (hook: string) => ({ effective: hook in hooks });
  return {
    ok: true,
    plugin: identityOf(info),
    source: { kind: info.origin === "installed" ? "path" : "bundled", spec: info.folder },
    declared: {
      channels: named("channel"),
      providers: named("provider"),
      tools: named("tool"),
      contracts: Object.keys(provides),
      hooks: Object.keys(hooks),
      cliCommands: Object.keys(commands),
      mcpServers: [],
      cliBackends: [],
      skills: [],
      dangerousConfigFlags: [],
    },
    reviewToken: new Bun.CryptoHasher("sha256").update(JSON.stringify(info.manifest ?? info.id)).digest("hex"),
    grants: { hooks: { allowPromptInjection: has("prompt.building"), allowConversationAccess: has("reply.ready") } },
    trust: { disposition: "clean", reasons: info.enforced ? [] : [unenforced] },
  };
}

export function pluginMethods(host: PluginHost): MethodBinding[] {
  return [
    bindMethod(pluginsList, () => ({ plugins: host.list().map(entryOf), diagnostics: [], mutationAllowed: true })),
    bindMethod(pluginsInspect, ({ pluginId }) => inspected(host.inspect(pluginId))),
    bindMethod(pluginsSetEnabled, async ({ pluginId, enabled }) => {
      await host.setEnabled(pluginId, enabled);
      return { ok: true as const, plugin: entryOf(host.inspect(pluginId)), restartRequired: false };
    }),
    bindMethod(pluginsStatus, ({ pluginId }) => ({
      plugins: (pluginId === undefined ? host.list() : [host.inspect(pluginId)]).map(statusOf),
    })),
    bindMethod(pluginsReload, async ({ pluginId }) => ({ ok: true as const, pluginId, ...(await host.reload(pluginId)) })),
  ];
}

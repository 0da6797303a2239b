/** `plugins.*` on the wire. `list`, `inspect` and `setEnabled` have the wire's shapes; `status` and `reload` are ours. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { bindMethod, type MethodBinding } from "../bus/bindings.ts";
import type { PluginHost, PluginInfo } from "./deps.ts";
import { Permissions } from "./manifest.ts";

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Texts = Type.Array(Text);
const Which = Type.Object({ pluginId: Text }, closed);
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
const state = Type.Union([Type.Literal("enabled"), Type.Literal("disabled"), Type.Literal("error")]);
const Entry = Type.Object({ ...Identity, state, error: Type.Optional(Type.String()), removable: Type.Boolean() }, closed);
const Grant = Type.Object({ effective: Type.Boolean() }, closed);
const declaredKinds = [
  "channels",
  "providers",
  "tools",
  "contracts",
  "hooks",
  "mcpServers",
  "cliCommands",
  "cliBackends",
  "skills",
  "dangerousConfigFlags",
] as const;

export const pluginsList = defineMethod({
  name: "plugins.list",
  summary: "The plugins that are installed, and whether they work.",
  scope: "operator.read",
  params: Type.Object({}, closed),
  result: Type.Object({ plugins: Type.Array(Entry), diagnostics: Type.Array(Type.Unknown()), mutationAllowed: Type.Boolean() }, closed),
});

export const pluginsInspect = defineMethod({
  name: "plugins.inspect",
  summary: "What a plugin declares and may do. A reason says when its permissions are not enforced.",
  scope: "operator.read",
  params: Which,
  result: Type.Object(
    {
      ok: Ok,
      plugin: Type.Object(Identity, closed),
      source: Type.Object({ kind: Type.Union([Type.Literal("bundled"), Type.Literal("path")]), spec: Text }, closed),
      declared: Type.Object(
        Object.fromEntries(declaredKinds.map((kind) => [kind, Texts])) as Record<(typeof declaredKinds)[number], typeof Texts>,
        closed,
      ),
      reviewToken: Text,
      grants: Type.Object({ hooks: Type.Object({ allowPromptInjection: Grant, allowConversationAccess: Grant }, closed) }, closed),
      trust: Type.Object({ disposition: Type.Literal("clean"), reasons: Texts }, closed),
    },
    closed,
  ),
});

export const pluginsSetEnabled = defineMethod({
  name: "plugins.setEnabled",
  summary: "Enables or disables a plugin, at once and for good.",
  scope: "operator.admin",
  params: Type.Object(
    { ...Which.properties, enabled: Type.Boolean(), acknowledgeCapabilities: Type.Optional(Type.Object({ reviewToken: Text }, closed)) },
    closed,
  ),
  result: Type.Object({ ok: Ok, plugin: Entry, restartRequired: Type.Literal(false) }, closed),
});

export const pluginsStatus = defineMethod({
  name: "plugins.status",
  summary: "How each plugin is: state, generation, what it still waits for, permissions and whether they are enforced, its last error.",
  scope: "operator.read",
  params: Type.Object({ pluginId: Type.Optional(Text) }, closed),
  result: Type.Object({
    plugins: Type.Array(
      Type.Object({
        id: Text,
        version: Type.Union([Type.String(), Type.Null()]),
        summary: Type.String(),
        origin: Type.String(),
        folder: Type.String(),
        state: Type.Union([Type.Literal("disabled"), Type.Literal("idle"), Type.Literal("active"), Type.Literal("failed")]),
        generation: Type.Integer(),
        draining: Type.Array(Type.Object({ generation: Type.Integer(), calls: Type.Array(Type.String()) })),
        isolation: Type.Union([Type.Literal("inline"), Type.Literal("process")]),
        enforced: Type.Boolean(),
        permissions: Permissions,
        error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
      }),
    ),
  }),
});

export const pluginsReload = defineMethod({
  name: "plugins.reload",
  summary: "Starts a new generation beside the present one and swaps them; when the new one does not work, the present one stays.",
  scope: "operator.admin",
  params: Which,
  result: Type.Object({ ok: Ok, pluginId: Text, generation: Type.Integer(), visibleMs: Type.Number() }, closed),
});

const identityOf = ({ id, manifest, origin, state }: PluginInfo) => ({
  id,
  name: id,
  ...(manifest && { description: manifest.summary, version: manifest.version }),
  origin,
  installed: true,
  enabled: state !== "disabled",
});
const entryOf = (info: PluginInfo) => ({
  ...identityOf(info),
  state: info.error ? ("error" as const) : info.state === "disabled" ? ("disabled" as const) : ("enabled" as const),
  ...(info.error && { error: info.error.message }),
  removable: info.origin === "installed",
});
const statusOf = ({ id, manifest, origin, folder, state, generation, draining, enforced, error }: PluginInfo) => ({
  id,
  version: manifest?.version ?? null,
  summary: manifest?.summary ?? "",
  origin,
  folder,
  state,
  generation,
  draining: draining.map(({ calls, ...rest }) => ({ ...rest, calls: [...calls] })),
  isolation: "inline" as const,
  enforced,
  permissions: manifest?.permissions ?? {},
  error: error ?? null,
});

export function pluginMethods(host: PluginHost): MethodBinding[] {
  return [
    bindMethod(pluginsList, () => ({ plugins: host.list().map(entryOf), diagnostics: [], mutationAllowed: true })),
    bindMethod(pluginsInspect, ({ pluginId }) => {
      const info = host.inspect(pluginId);
      const { provides = {}, hooks = {}, commands = {} } = info.manifest?.generated ?? {};
      const named = (contract: string) => Object.keys(provides[contract] ?? {});
      const none: string[] = [];
      return {
        ok: true as const,
        plugin: identityOf(info),
        source: { kind: info.origin === "installed" ? ("path" as const) : ("bundled" as const), spec: info.folder },
        declared: {
          channels: named("channel"),
          providers: named("provider"),
          tools: named("tool"),
          contracts: Object.keys(provides),
          hooks: Object.keys(hooks),
          cliCommands: Object.keys(commands),
          mcpServers: none,
          cliBackends: none,
          skills: none,
          dangerousConfigFlags: none,
        },
        reviewToken: new Bun.CryptoHasher("sha256").update(JSON.stringify(info.manifest ?? info.id)).digest("hex"),
        grants: {
          hooks: {
            allowPromptInjection: { effective: "prompt.building" in hooks },
            allowConversationAccess: { effective: "reply.ready" in hooks },
          },
        },
        trust: {
          disposition: "clean" as const,
          reasons: info.enforced
            ? none
            : ["enforced: false. It runs in the gateway's own process, where its permissions are checked by name only."],
        },
      };
    }),
    bindMethod(pluginsSetEnabled, async ({ pluginId, enabled }) => {
      await host.setEnabled(pluginId, enabled);
      return { ok: true as const, plugin: entryOf(host.inspect(pluginId)), restartRequired: false as const };
    }),
    bindMethod(pluginsStatus, ({ pluginId }) => ({
      plugins: (pluginId === undefined ? host.list() : [host.inspect(pluginId)]).map(statusOf),
    })),
    bindMethod(pluginsReload, async ({ pluginId }) => ({ ok: true as const, pluginId, ...(await host.reload(pluginId)) })),
  ];
}

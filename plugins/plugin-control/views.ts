/** What the kernel says of a plugin, in the shapes of the wire. */
import type { PluginInfo } from "@pincer/plugin-sdk/contracts/plugin-host";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import type { Static } from "@sinclair/typebox";
import type { Entry, Identity, pluginsInspect, Status } from "./methods.ts";

const identityOf = ({ id, manifest, origin, state }: PluginInfo): Static<typeof Identity> => ({
  id,
  name: id,
  ...(manifest && { description: manifest.summary, version: manifest.version }),
  origin,
  installed: true,
  enabled: state !== "disabled",
});
export const entryOf = (info: PluginInfo): Static<typeof Entry> => ({
  ...identityOf(info),
  state: info.error ? "error" : info.state === "disabled" ? "disabled" : "enabled",
  ...(info.error && { error: info.error.message }),
  removable: info.origin === "installed",
});
export const statusOf = ({ manifest, draining, error, ...info }: PluginInfo): Static<typeof Status> => ({
  ...info,
  version: manifest?.version ?? null,
  summary: manifest?.summary ?? "",
  draining: draining.map(({ generation, calls }) => ({ generation, calls: [...calls] })),
  permissions: manifest?.permissions ?? {},
  error: error ?? null,
});

const unenforced = ({ isolation, state }: PluginInfo): string => {
  if (isolation === "inline")
    return "enforced: false. It runs in the gateway's own process, where its permissions are checked by name only.";
  return state === "active"
    ? "enforced: false. It runs in a process of its own, which nothing confines on this machine."
    : "It does not run now; in a process of its own the system holds it to its permissions.";
};

export function inspected(info: PluginInfo): ResultOf<typeof pluginsInspect> {
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
    trust: { disposition: "clean", reasons: info.enforced ? [] : [unenforced(info)] },
  };
}

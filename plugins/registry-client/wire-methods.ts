/** `plugins.install`, `plugins.uninstall` and `plugins.search`, in the wire's own shapes. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { closed, one } from "./schema.ts";

const Text = Type.String({ minLength: 1 });
const Ok = Type.Literal(true);

const acknowledged = {
  /** Of findings that need a yes of their own. */
  acknowledgeInstallPolicyWarning: Type.Optional(Type.Literal(true)),
  /** The token of the plan that the refusal before has told. */
  acknowledgeCapabilities: Type.Optional(closed({ reviewToken: Text })),
};

const Entry = closed({
  id: Text,
  name: Text,
  description: Type.Optional(Type.String()),
  version: Type.Optional(Text),
  origin: Type.Optional(Text),
  installed: Type.Boolean(),
  enabled: Type.Boolean(),
  state: one("enabled", "disabled", "not-installed", "error"),
  error: Type.Optional(Type.String()),
  removable: Type.Optional(Type.Boolean()),
});

export const pluginsInstall = defineMethod({
  name: "plugins.install",
  summary: "Installs a plugin of this gateway (official) or of its registries; refused with a token first where it needs a yes.",
  scope: "operator.admin",
  params: Type.Union([
    closed({ source: Type.Literal("clawhub"), packageName: Text, version: Type.Optional(Text), ...acknowledged }),
    closed({ source: Type.Literal("official"), pluginId: Text, ...acknowledged }),
  ]),
  result: closed({
    ok: Ok,
    plugin: Entry,
    /** The wire knows no other answer; a warning says that none is needed. */
    restartRequired: Type.Literal(true),
    warnings: Type.Optional(Type.Array(Type.String())),
  }),
});

export const pluginsUninstall = defineMethod({
  name: "plugins.uninstall",
  summary: "Removes an installed plugin with its settings; what it kept stays.",
  scope: "operator.admin",
  params: closed({ pluginId: Text }),
  result: closed({
    ok: Ok,
    pluginId: Text,
    restartRequired: Type.Literal(true),
    removed: Type.Array(Type.String()),
    warnings: Type.Optional(Type.Array(Type.String())),
  }),
});

export const pluginsSearch = defineMethod({
  name: "plugins.search",
  summary: "Plugins that can be installed, of this gateway and of its registries, the likeliest first.",
  scope: "operator.read",
  params: closed({ query: Text, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) }),
  result: closed({
    results: Type.Array(
      closed({
        score: Type.Number(),
        package: closed({
          name: Text,
          displayName: Text,
          family: one("code-plugin", "bundle-plugin"),
          channel: one("official", "community", "private"),
          isOfficial: Type.Boolean(),
          summary: Type.Optional(Type.String()),
          latestVersion: Type.Optional(Text),
          runtimeId: Type.Optional(Text),
        }),
      }),
    ),
  }),
});

/** What the wire says of plugins and of installing: the published methods, and ours beside them. */
import { Type } from "@sinclair/typebox";
import type { EventEntry, MethodEntry } from "./entry.ts";
import { published } from "./published.ts";
import { count, flag, list, maybe, ok, oneOf, orNull, PluginStatus, params, shape, text, word } from "./shapes.ts";

const kind = oneOf("plugins", "skills");
const action = oneOf("install", "enable", "update", "rollback", "remove", "disable", "restore", "keep");
const item = shape({
  ...{ kind, id: word, action, source: word, digest: maybe(word), size: maybe(count) },
  permissions: list(shape({ risk: oneOf("low", "medium", "high"), permission: word, text: word })),
  ...{ gained: list(word), lost: list(word), needs: list(word) },
  notices: list(shape({ code: word, level: oneOf("note", "warning", "yes"), text: word, finding: maybe(oneOf("new", "known")) })),
});
const release = shape({ kind, id: word, version: word });
const revoked = shape({ kind, id: word, version: word, registry: word, reason: word, at: word, lastGood: orNull(word), next: word });
const updated = shape({ kind, id: word, from: word, to: word, outcome: oneOf("updated", "held", "failed"), said: word });
const amount = Type.Number({ minimum: 0 });
const names = Type.Array(Type.String({ minLength: 1, maxLength: 1_000 }), { minItems: 1, maxItems: 100 });
const request = Type.Union([
  params({ do: Type.Literal("install"), packages: names, kind: maybe(kind) }),
  params({ do: Type.Literal("update"), packages: maybe(names), kind: maybe(kind) }),
  params({ do: Type.Literal("remove"), packages: names, data: maybe(flag) }),
  params({ do: Type.Literal("rollback"), packages: names }),
  params({ do: Type.Literal("restore"), mend: maybe(flag) }),
  params({ do: Type.Literal("sync"), lock: maybe(word) }),
]);
const which = { package: Type.String({ minLength: 1, maxLength: 1_000 }) };
const entry = (scope: MethodEntry["scope"], takes: MethodEntry["params"], result: MethodEntry["result"]): MethodEntry => ({
  ...{ scope, params: takes, result },
});

export const installingMethods: Readonly<Record<string, MethodEntry>> = {
  "plugins.list": entry("operator.read", published("PluginsListParams"), published("PluginsListResult")),
  "plugins.inspect": entry("operator.read", published("PluginsInspectParams"), published("PluginsInspectResult")),
  "plugins.setEnabled": entry("operator.admin", published("PluginsSetEnabledParams"), published("PluginsSetEnabledResult")),
  "plugins.status": entry("operator.read", params({ pluginId: maybe(word) }), shape({ plugins: list(PluginStatus) })),
  "plugins.refresh": entry("operator.admin", published("PluginsRefreshParams"), published("PluginsRefreshResult")),
  "plugins.reload": entry(
    "operator.admin",
    params({ pluginId: word }),
    shape({ ok, pluginId: word, generation: Type.Integer({ minimum: 1 }) }),
  ),
  "plugins.install": entry("operator.admin", published("PluginsInstallParams"), published("PluginsInstallResult")),
  "plugins.uninstall": entry("operator.admin", published("PluginsUninstallParams"), published("PluginsUninstallResult")),
  "plugins.search": entry("operator.read", published("PluginsSearchParams"), published("PluginsSearchResult")),
  "skills.search": entry("operator.read", published("SkillsSearchParams"), published("SkillsSearchResult")),
  "skills.detail": entry("operator.read", published("SkillsDetailParams"), published("SkillsDetailResult")),
  "registry-client.plan": entry("operator.admin", params({ request }), shape({ items: list(item), token: word })),
  "registry-client.apply": entry(
    "operator.admin",
    params({ request, token: which.package, accepted: Type.Array(which.package, { maxItems: 200 }) }),
    shape({ done: list(shape({ kind, id: word, action, version: maybe(word) })) }),
  ),
  "registry-client.list": entry(
    "operator.read",
    params(),
    shape({
      packages: list(
        shape({
          ...{ kind, id: word, version: word, source: word, digest: word, publisher: orNull(word) },
          ...{ pinned: flag, before: orNull(word), revoked: orNull(word), automatic: orNull(word) },
        }),
      ),
    }),
  ),
  "registry-client.watch": entry("operator.write", params(), shape({ stopped: list(revoked), restored: list(release), waitMs: amount })),
  "registry-client.keepUp": entry("operator.write", params(), shape({ updated: list(updated), waitMs: amount })),
  "registry-client.check": entry(
    "operator.admin",
    params(),
    shape({ findings: list(shape({ check: word, level: oneOf("ok", "warning", "error"), detail: word, mend: maybe(word) })) }),
  ),
  "registry-client.search": entry(
    "operator.read",
    params({ query: Type.String({ maxLength: 200 }), limit: maybe(Type.Integer({ minimum: 1, maximum: 100 })) }),
    shape({
      hits: list(shape({ kind, id: word, version: text, summary: text, registry: orNull(word), publisher: orNull(word) })),
      unheard: list(shape({ registry: word, why: word })),
    }),
  ),
  "registry-client.info": entry(
    "operator.admin",
    params({ ...which, kind: maybe(kind) }),
    shape({ item, versions: list(shape({ version: word, publishedAt: word, yanked: orNull(word) })), isInstalled: flag, pinned: flag }),
  ),
  "registry-client.why": entry(
    "operator.read",
    params(which),
    shape({ kind, id: word, reasons: list(word), neededBy: list(shape({ id: word, contract: word, optional: flag })) }),
  ),
  "registry-client.pin": entry("operator.admin", params({ ...which, pinned: flag }), shape({ id: word, version: word, pinned: flag })),
};

const steps = [
  "waiting",
  "fetching",
  "staging",
  "dependencies",
  "placing",
  "configuring",
  "trying",
  "settled",
  "locked",
  "removing",
  "done",
  "undone",
];
export const installingEvents: Readonly<Record<string, EventEntry>> = {
  "registry-client.progressed": { scope: "operator.admin", payload: shape({ id: word, step: oneOf(...steps), detail: maybe(text) }) },
  "registry-client.revoked": { scope: "operator.read", payload: revoked },
  "registry-client.updated": { scope: "operator.read", payload: updated },
};

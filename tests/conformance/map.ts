/**
 * Every method that a gateway advertises (its events: `events.ts`), bound to what the wire says of it: who may call it, what it takes, what it answers.
 * Schemas are the published package's where it has them, with what observation adds; else ours, written from `protocol` sections 3, 4.2
 * and 5. Nothing here is taken from the implementation's own schemas.
 */
import { Type } from "@sinclair/typebox";
import { approvalMethods } from "./approvals.ts";
import { channelMethods } from "./channels.ts";
import { conversationMethods } from "./conversations.ts";
import { admin, approvals, type MethodEntry, method, pairing, read } from "./entry.ts";
import { installingMethods } from "./installing.ts";
import { type Additions, published } from "./published.ts";
import * as its from "./shapes.ts";
import { skillMethods } from "./skills.ts";

const { anything, count, flag, list, map, maybe, ok, oneOf, params, shape, text, time, word } = its;

/** A feature that is not here has none of it, whatever is asked for. */
const none = (...keys: readonly string[]) => shape(Object.fromEntries(keys.map((key) => [key, Type.Array(Type.Never(), { maxItems: 0 })])));
const emptyArray = Type.Array(Type.Never(), { maxItems: 0 });

const fileParams: Additions = { "": { expectedHash: maybe(word) } };
/** The hash that `agents.files.set` compares with is observed, and not published. */
const hashed = (path: string): Additions => ({ [path]: { hash: maybe(word) } });

/** Where a restart's answer is to go: taken, and of no use here, since nothing restarts. */
const delivered: Additions = { "": { deliveryContext: maybe(map(Type.Union([text, Type.Number()]))) } };
export const methods: Readonly<Record<string, MethodEntry>> = {
  // Clients call these four with nothing or with {}; what else they would send is free.
  health: method("any", shape({ probe: maybe(flag) }), its.Health),
  status: read(shape({}), its.Status),
  "system-presence": read(shape({}), Type.Array(its.PresenceEntry, { minItems: 1 })),
  "last-heartbeat": read(shape({}), Type.Null()),
  "system-event": admin(
    params({
      ...{
        text,
        deviceId: maybe(word),
        instanceId: maybe(word),
        host: maybe(word),
        ip: maybe(word),
        mode: maybe(word),
        version: maybe(word),
      },
      ...{
        platform: maybe(word),
        deviceFamily: maybe(word),
        modelIdentifier: maybe(word),
        lastInputSeconds: maybe(count),
        reason: maybe(word),
      },
      ...{ roles: maybe(list(word)), scopes: maybe(list(word)), tags: maybe(list(word)) },
    }),
    shape({ ok }),
  ),
  "diagnostics.stability": read(
    params({ limit: maybe(Type.Integer({ minimum: 1, maximum: 1_000 })), type: maybe(word), sinceSeq: maybe(count) }),
    its.Stability,
  ),
  "logs.tail": read(published("LogsTailParams"), published("LogsTailResult")),
  "gateway.identity.get": read(params(), shape({ deviceId: Type.String({ pattern: "^[0-9a-f]{64}$" }), publicKey: word })),
  "gateway.loginLink": admin(params(), shape({ url: Type.String({ pattern: "^http://[^?]+/#login=" }), expiresAtMs: time })),

  ...conversationMethods,
  "agent.identity.get": read(published("AgentIdentityParams"), published("AgentIdentityResult", { "": { name: word } })),
  "agents.list": read(published("AgentsListParams"), published("AgentsListResult", { "agents/*": { model: shape({ primary: word }) } })),
  "agents.create": admin(published("AgentsCreateParams"), published("AgentsCreateResult")),
  "agents.update": admin(published("AgentsUpdateParams"), published("AgentsUpdateResult")),
  "agents.delete": admin(published("AgentsDeleteParams"), published("AgentsDeleteResult")),
  "agents.files.list": read(published("AgentsFilesListParams"), published("AgentsFilesListResult", hashed("files/*"))),
  "agents.files.get": read(published("AgentsFilesGetParams"), published("AgentsFilesGetResult", hashed("file"))),
  "agents.files.set": admin(published("AgentsFilesSetParams", fileParams), published("AgentsFilesSetResult", hashed("file"))),

  "config.get": read(published("ConfigGetParams"), its.ConfigFile),
  "config.set": admin(published("ConfigSetParams"), its.ConfigWritten),
  "config.patch": admin(published("ConfigPatchParams", delivered), its.ConfigApplied),
  "config.apply": admin(published("ConfigApplyParams", delivered), its.ConfigApplied),
  "config.schema": read(
    published("ConfigSchemaParams"),
    Type.Intersect([published("ConfigSchemaResponse"), shape({ schema: map(anything) })]),
  ),
  "config.schema.lookup": read(
    published("ConfigSchemaLookupParams"),
    Type.Intersect([published("ConfigSchemaLookupResult"), shape({ schema: map(anything) })]),
  ),

  // The published schema forbids some pairs of them; the further three are observed.
  "models.list": read(
    params({
      ...{ view: maybe(oneOf("default", "configured", "provider-config", "all")), agentId: maybe(word), sessionKey: maybe(word) },
      ...{ provider: maybe(word), refresh: maybe(flag), preparedOnly: maybe(flag), includeDetails: maybe(flag) },
      includeProviderCapabilities: maybe(flag),
    }),
    published("ModelsListResult"),
  ),
  "models.authStatus": read(
    published("ModelsAuthStatusParams"),
    shape({ ts: time, providers: list(shape({ provider: word, displayName: word, status: word, profiles: list(anything) })) }),
  ),
  "models.authLogout": admin(published("ModelsAuthLogoutParams"), shape({ provider: word, removedProfiles: list(word) })),
  "models.pull": admin(params({ model: word }), its.Pull),
  "models.pull.wait": read(params({ model: word, version: maybe(Type.Integer()) }), its.Pull),
  "models.pull.cancel": admin(params({ model: word }), shape({ cancelled: flag })),
  "models.catalogue": read(params(), shape({ ...its.catalogue, models: list(shape({ ref: word, name: word, source: word, date: word })) })),
  "models.catalogue.update": admin(params(), shape(its.catalogue)),
  "usage.status": read(
    params(),
    shape({ updatedAt: time, providers: list(shape({ provider: word, displayName: word })), limits: maybe(list(its.Limit)) }),
  ),
  "usage.cost": read(
    params({
      ...{ days: maybe(Type.Integer({ minimum: 1 })), agentId: maybe(word), sessionKey: maybe(word) },
      ...{ runId: maybe(word), user: maybe(word), profile: maybe(word) },
    }),
    its.UsageCost,
  ),
  "budgets.show": read(params({ sessionKey: maybe(word) }), its.Budgets),
  "tools.catalog": read(published("ToolsCatalogParams"), published("ToolsCatalogResult")),
  "tools.effective": read(published("ToolsEffectiveParams"), published("ToolsEffectiveResult")),
  "commands.list": read(published("CommandsListParams"), published("CommandsListResult")),

  ...skillMethods,
  ...channelMethods,

  "device.pair.list": pairing(published("DevicePairListParams"), its.Devices),
  "device.pair.approve": pairing(published("DevicePairApproveParams"), its.DeviceApproved),
  "device.pair.reject": pairing(published("DevicePairRejectParams"), shape({ requestId: word, deviceId: word })),
  "device.pair.remove": pairing(published("DevicePairRemoveParams"), shape({ deviceId: word })),
  "device.pair.rename": pairing(published("DevicePairRenameParams"), shape({ deviceId: word, label: word })),
  "device.pair.setupCode": admin(published("DevicePairSetupCodeParams"), published("DevicePairSetupCodeResult")),
  "device.token.rotate": pairing(published("DeviceTokenRotateParams"), its.TokenRotated),
  "device.token.revoke": pairing(published("DeviceTokenRevokeParams"), shape({ deviceId: word, role: word, revokedAtMs: time })),

  "secrets.store.list": admin(published("SecretsStoreListParams"), published("SecretsStoreListResult")),
  "secrets.store.set": admin(published("SecretsStoreSetParams"), published("SecretsStoreMutationResult"), { refuses: ["allowedHosts"] }),
  "secrets.store.delete": admin(published("SecretsStoreDeleteParams"), published("SecretsStoreMutationResult")),
  "secrets.rotate": admin(params(), shape({ ok, rotated: count, unreadable: list(word) })),
  "secrets.grant": admin(params({ name: word, plugin: word, granted: maybe(flag) }), shape({ ok })),
  "secrets.grants": admin(params(), shape({ grants: list(shape({ name: word, plugin: word, grantedAtMs: time })) })),

  ...approvalMethods,
  ...installingMethods,

  // Polled in a loop by clients that get no answer: empty until a plugin owns the name. Whatever filter they bring, there is none of it.
  "question.list": method("operator.questions", shape({}), none("questions")),
  "openclaw.approval.list": approvals(shape({}), emptyArray),
  "taskSuggestions.list": read(shape({}), none("suggestions")),
  "tasks.list": read(shape({}), none("tasks")),
  "node.list": read(shape({}), shape({ ts: time, nodes: emptyArray })),
  "node.pair.list": pairing(shape({}), none("pending", "paired")),
  "update.status": admin(shape({}), published("UpdateStatusResult")),
};

/** Observed beside the published frames: a binding to a profile, which is of no use here, and is taken. */
export const frames = {
  req: published("RequestFrame", { "": { expectedProfileId: maybe(Type.String({ maxLength: 128 })) } }),
  res: published("ResponseFrame"),
  event: published("EventFrame", { "": { recipientProfileId: maybe(word) } }),
} as const;

export const connect = {
  params: published("ConnectParams", { "": { modelCatalog: maybe(map(anything)) } }),
  /** Observed: how somebody was let in. */
  result: published("HelloOk", {
    auth: { method: oneOf("none", "token", "password", "tailscale", "device-token", "bootstrap-token", "trusted-proxy") },
    "snapshot/presence/*": { clientId: maybe(word) },
    policy: {},
  }),
} as const;

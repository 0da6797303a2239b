/** The methods of the wire that models answer. */

import { AuthProfile } from "@pincer/plugin-sdk/contracts/auth-profiles";
import { BudgetState } from "@pincer/plugin-sdk/contracts/budgets";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { type Static, Type } from "@sinclair/typebox";

const Text = Type.String({ minLength: 1 });
const closed = { additionalProperties: false };

const Level = Type.Object({ id: Text, label: Text }, closed);

const ModelChoice = Type.Object(
  {
    id: Text,
    name: Text,
    provider: Text,
    alias: Type.Optional(Text),
    tags: Type.Optional(Type.Array(Text)),
    available: Type.Boolean(),
    unavailableReason: Type.Optional(Type.Literal("missing-auth")),
    contextWindow: Type.Optional(Type.Integer({ minimum: 1 })),
    reasoning: Type.Boolean(),
    thinkingLevels: Type.Optional(Type.Array(Level)),
    thinkingDefault: Type.Optional(Text),
    supportsTools: Type.Boolean(),
    input: Type.Array(Type.Union([Type.Literal("text"), Type.Literal("image")])),
  },
  closed,
);

export const modelsList = defineMethod({
  name: "models.list",
  summary: "Models that can be chosen.",
  scope: "operator.read",
  params: Type.Object(
    {
      view: Type.Optional(
        Type.Union([Type.Literal("default"), Type.Literal("configured"), Type.Literal("provider-config"), Type.Literal("all")], {
          description:
            "default: what is ready to use; configured: the default model, favourites and aliases; provider-config: all that ready providers list; all: also what is not ready",
        }),
      ),
      provider: Type.Optional(Text),
      agentId: Type.Optional(Text),
      sessionKey: Type.Optional(Text),
      refresh: Type.Optional(Type.Boolean({ description: "Ask the providers again" })),
      preparedOnly: Type.Optional(Type.Boolean({ description: "Only what is known already" })),
      includeDetails: Type.Optional(Type.Boolean()),
      includeProviderCapabilities: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  result: Type.Object({ models: Type.Array(ModelChoice) }, closed),
});

/** As the wire knows credentials that end; `ok` and `static`: what does not. */
const AuthState = Type.Union([
  Type.Literal("ok"),
  Type.Literal("static"),
  Type.Literal("expiring"),
  Type.Literal("expired"),
  Type.Literal("missing"),
]);
export type AuthState = Static<typeof AuthState>;
const Expiry = Type.Object({ at: Type.Integer(), remainingMs: Type.Integer(), label: Text });

const ProfileRow = Type.Object({
  profileId: Text,
  /** `api_key` is how the wire writes `api-key`. */
  type: Text,
  status: AuthState,
  reasonCode: Type.Optional(Text),
  expiry: Type.Optional(Expiry),
  /** Absent of what the provider itself has. */
  logoutSupported: Type.Optional(Type.Literal(true)),
  lastUsedAt: Type.Optional(Type.Integer()),
  // What the wire does not know of a profile, as the contract `auth-profiles` has it.
  ...Type.Pick(AuthProfile, ["priority", "state", "reason", "cooldownUntil", "failureCount", "models"]).properties,
});

export const modelsAuthStatus = defineMethod({
  name: "models.authStatus",
  summary: "Which providers have what they need, and what the others lack.",
  scope: "operator.read",
  params: Type.Object(
    { agentId: Type.Optional(Type.String()), sessionKey: Type.Optional(Text), refresh: Type.Optional(Type.Boolean()) },
    closed,
  ),
  result: Type.Object({
    ts: Type.Integer(),
    providers: Type.Array(
      Type.Object({
        provider: Text,
        displayName: Text,
        /** `static`: a key that does not expire; `ok`: nothing is needed, or what it needs does not end soon. */
        status: AuthState,
        expiry: Type.Optional(Expiry),
        /** In the order in which they are tried. */
        profiles: Type.Array(ProfileRow),
        profileOrder: Type.Optional(Type.Array(Text)),
        detail: Type.Optional(Type.String()),
        defaultModel: Type.Optional(Type.String()),
      }),
    ),
  }),
});

export const modelsAuthLogout = defineMethod({
  name: "models.authLogout",
  summary: "Forgets auth profiles of a provider, and their credentials: all, or those that are named.",
  scope: "operator.admin",
  params: Type.Object(
    { provider: Text, profileIds: Type.Optional(Type.Array(Text, { minItems: 1 })), agentId: Type.Optional(Type.String()) },
    closed,
  ),
  result: Type.Object({ provider: Text, removedProfiles: Type.Array(Text) }),
});

const Totals = {
  input: Type.Integer(),
  output: Type.Integer(),
  cacheRead: Type.Integer(),
  cacheWrite: Type.Integer(),
  totalTokens: Type.Integer(),
  totalCost: Type.Number(),
  inputCost: Type.Number(),
  outputCost: Type.Number(),
  cacheReadCost: Type.Number(),
  cacheWriteCost: Type.Number(),
  missingCostEntries: Type.Integer(),
  calls: Type.Integer(),
};

export const usageStatus = defineMethod({
  name: "usage.status",
  summary: "Quotas of the providers, as far as they tell them, and the budgets that were set.",
  scope: "operator.read",
  params: Type.Object({}, closed),
  result: Type.Object({
    updatedAt: Type.Integer(),
    providers: Type.Array(
      Type.Object({
        provider: Text,
        displayName: Text,
        windows: Type.Array(Type.Object({ label: Text, usedPercent: Type.Number(), resetAt: Type.Optional(Type.Integer()) })),
      }),
    ),
    /** The operator's own, where the plugin budgets holds some. */
    limits: Type.Optional(Type.Array(BudgetState)),
  }),
});

export const usageCost = defineMethod({
  name: "usage.cost",
  summary: "Tokens and US dollars by day and model; calls whose price is unknown are counted apart.",
  scope: "operator.read",
  params: Type.Object(
    {
      days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3660, default: 30 })),
      agentId: Type.Optional(Text),
      sessionKey: Type.Optional(Type.String({ minLength: 1, description: "Only this session, over all days that are kept" })),
      runId: Type.Optional(Type.String({ minLength: 1, description: "Only this run, which is kept for 7 days" })),
      user: Type.Optional(Type.String({ minLength: 1, description: "Only what was used for that sender, device or caller" })),
      profile: Type.Optional(Type.String({ minLength: 1, description: "Only what went through that auth profile" })),
    },
    closed,
  ),
  result: Type.Object({
    updatedAt: Type.Integer(),
    days: Type.Integer(),
    daily: Type.Array(Type.Object({ date: Text, ...Totals })),
    totals: Type.Object(Totals),
    models: Type.Array(Type.Object({ model: Text, ...Totals })),
    /** Who it was, of all that was used in those days; absent when only a part is asked for. */
    agents: Type.Optional(Type.Array(Type.Object({ agentId: Text, ...Totals }))),
    users: Type.Optional(Type.Array(Type.Object({ user: Text, ...Totals }))),
    profiles: Type.Optional(Type.Array(Type.Object({ profile: Text, ...Totals }))),
    cacheStatus: Type.Object({ status: Type.Literal("fresh") }),
  }),
});

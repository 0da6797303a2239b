/** `registry-client.*`: plan, show, apply, for clients of a gateway that runs. */
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { Updated } from "./automatic.ts";
import { Outcome, Plan, Request } from "./engine/plan/plan.ts";
import { Info, Reasons } from "./engine/questions.ts";
import { Revoked } from "./engine/revocation/revoked.ts";
import { Searched } from "./engine/search.ts";
import { Progress } from "./engine/surroundings.ts";
import { closed } from "./schema.ts";

const Name = Type.String({ minLength: 1, maxLength: 1_000 });

export const plan = defineMethod({
  name: "registry-client.plan",
  summary:
    "What an installation, update, removal or return would do, with permissions and everything else there is to know; it changes nothing.",
  scope: "operator.admin",
  params: closed({ request: Request }),
  result: Plan,
});

export const apply = defineMethod({
  name: "registry-client.apply",
  summary: "Does exactly what a plan showed. What the plan says it needs a yes to is in accepted; what fails is taken back.",
  scope: "operator.admin",
  params: closed({ request: Request, token: Name, accepted: Type.Array(Name, { maxItems: 200 }) }),
  result: Outcome,
});

const Installed = closed({
  kind: Type.Union([Type.Literal("plugins"), Type.Literal("skills")]),
  id: Type.String(),
  /** In a word: channel, provider, tool, another plugin, or skill. */
  is: Type.String(),
  version: Type.String(),
  source: Type.String(),
  digest: Type.String(),
  publisher: Type.Union([Type.String(), Type.Null()]),
  pinned: Type.Boolean(),
  /** The version that a return would lead to. */
  before: Type.Union([Type.String(), Type.Null()]),
  /** Why nobody should run it any more, and what to type. */
  revoked: Type.Union([Type.String(), Type.Null()]),
  /** What became of an update that came by itself. */
  automatic: Type.Union([Type.String(), Type.Null()]),
});

export const list = defineMethod({
  name: "registry-client.list",
  summary: "What is installed, by the lock.",
  scope: "operator.read",
  params: closed({}),
  result: closed({ packages: Type.Array(Installed) }),
});

/** It and `keepUp` do nothing that the operator did not ask for before; what they do is audited, and not that somebody looked. */
export const watch = defineMethod({
  name: "registry-client.watch",
  summary: "Asks the registries whose turn it is what nobody should run any more, and stops it.",
  scope: "operator.write",
  params: closed({}),
  result: closed({
    stopped: Type.Array(Revoked),
    restored: Type.Array(closed({ kind: Installed.properties.kind, id: Type.String(), version: Type.String() })),
    /** Until it is anybody's turn again. */
    waitMs: Type.Number(),
  }),
});

export const keepUp = defineMethod({
  name: "registry-client.keepUp",
  summary: "Brings up to date what the operator wants to be so by itself, where that needs no yes.",
  scope: "operator.write",
  params: closed({}),
  result: closed({
    updated: Type.Array(Updated),
    /** Until there may be something new. */
    waitMs: Type.Number(),
  }),
});

export const check = defineMethod({
  name: "registry-client.check",
  summary: "Compares every file of what is installed with the lock, and tells what else is wrong with it, for pincer doctor.",
  scope: "operator.admin",
  params: closed({}),
  result: closed({
    findings: Type.Array(
      closed({
        check: Type.String(),
        level: Type.Union([Type.Literal("ok"), Type.Literal("warning"), Type.Literal("error")]),
        detail: Type.String(),
        mend: Type.Optional(Type.String({ description: "What to type" })),
      }),
    ),
  }),
});

export const info = defineMethod({
  name: "registry-client.info",
  summary: "What a package is and may do, and which versions there are, installed or not.",
  scope: "operator.admin",
  params: closed({ package: Name, kind: Type.Optional(Installed.properties.kind) }),
  result: Info,
});

export const why = defineMethod({
  name: "registry-client.why",
  summary: "Why a package is here: who wanted it, who uses what it provides, and what it uses.",
  scope: "operator.read",
  params: closed({ package: Name }),
  result: Reasons,
});

export const search = defineMethod({
  name: "registry-client.search",
  summary: "Plugins and skills whose name or summary has these words, of this gateway and of its registries, the likeliest first.",
  scope: "operator.read",
  params: closed({ query: Type.String({ maxLength: 200 }), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) }),
  result: Searched,
});

export const pin = defineMethod({
  name: "registry-client.pin",
  summary: "Keeps a package at its version when everything is updated, or no longer.",
  scope: "operator.admin",
  params: closed({ package: Name, pinned: Type.Boolean() }),
  result: closed({ id: Type.String(), version: Type.String(), pinned: Type.Boolean() }),
});

export const progressed = defineEvent({
  name: "registry-client.progressed",
  summary: "A step of an installation has begun.",
  scope: "operator.admin",
  payload: Progress,
  dropIfSlow: true,
});

export const revoked = defineEvent({
  name: "registry-client.revoked",
  summary: "What is installed was revoked, and is stopped.",
  scope: "operator.read",
  payload: Revoked,
});

export const updated = defineEvent({
  name: "registry-client.updated",
  summary: "An update came by itself, waits for a yes, or did not work.",
  scope: "operator.read",
  payload: Updated,
});

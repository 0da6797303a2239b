/** Pairing of senders on the wire (`protocol` section 3), and what is told besides: groups, who was let in, who the owner is. */
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { type Static, Type } from "@sinclair/typebox";

const Word = Type.String({ minLength: 1 });
const Maybe = Type.Optional(Word);
const At = Type.Integer({ minimum: 0 });
const closed = { additionalProperties: false };

const ofAccount = { channel: Word, channelLabel: Word, accountId: Word, accountLabel: Maybe, notifySupported: Type.Boolean() };

const PairingRequest = Type.Object({
  requestId: Word,
  ...ofAccount,
  senderId: Word,
  senderLabel: Word,
  createdAt: Word,
  lastSeenAt: Word,
  expiresAt: Word,
});
export type PairingRequest = Static<typeof PairingRequest>;

export const pairingList = defineMethod({
  name: "channels.pairing.list",
  summary: "The senders that ask to be let in.",
  scope: "operator.pairing",
  params: Type.Object({ channel: Maybe, accountId: Maybe }, closed),
  result: Type.Object({
    accounts: Type.Array(Type.Object(ofAccount)),
    requests: Type.Array(PairingRequest),
    commandOwnerConfigured: Type.Boolean(),
    limits: Type.Object({ pendingPerAccount: Type.Integer(), ttlMs: Type.Integer() }),
  }),
});

const oneRequest = { channel: Word, accountId: Word, requestId: Word };
/** To say who the owner is changes whose the gateway is. */
const withOwner = (name: string) =>
  ({
    least: "operator.pairing",
    of: (params: unknown) => ((params as Readonly<Record<string, unknown>>)[name] === true ? "operator.admin" : "operator.pairing"),
  }) as const;

export const pairingApprove = defineMethod({
  name: "channels.pairing.approve",
  summary: "Lets a sender in, and tells them; with `bootstrapCommandOwner` as the owner, as long as nobody is.",
  scope: withOwner("bootstrapCommandOwner"),
  params: Type.Object(
    { ...oneRequest, notify: Type.Optional(Type.Boolean()), bootstrapCommandOwner: Type.Optional(Type.Boolean()) },
    closed,
  ),
  result: Type.Object({
    requestId: Word,
    senderId: Word,
    notification: Type.Union([Type.Literal("not-requested"), Type.Literal("sent"), Type.Literal("unsupported"), Type.Literal("failed")]),
    commandOwnerBootstrap: Type.Union([
      Type.Literal("not-requested"),
      Type.Literal("configured"),
      Type.Literal("already-configured"),
      Type.Literal("unavailable"),
    ]),
  }),
});

export const pairingDismiss = defineMethod({
  name: "channels.pairing.dismiss",
  summary: "Turns a sender's request down; they may ask again once its time is over.",
  scope: "operator.pairing",
  params: Type.Object(oneRequest, closed),
  result: Type.Object({ requestId: Word, senderId: Word }),
});

const Kind = Type.Union([Type.Literal("sender"), Type.Literal("group")]);
const who = { kind: Kind, channel: Word, accountId: Word, id: Word };

export const requested = defineEvent({
  name: "channels.pairing.requested",
  summary: "A sender or a group asks to be let in.",
  scope: "operator.pairing",
  payload: Type.Object({ requestId: Word, ...who, name: Maybe, ts: At }),
});
export const resolved = defineEvent({
  name: "channels.pairing.resolved",
  summary: "A request to be let in was answered, or who had been let in no longer is.",
  scope: "operator.pairing",
  payload: Type.Object({
    requestId: Word,
    ...who,
    decision: Type.Union([Type.Literal("approved"), Type.Literal("rejected"), Type.Literal("revoked")]),
    ts: At,
  }),
});

export const list = defineMethod({
  name: "pairing.list",
  summary: "Who asks to be let in, senders and groups; who was let in; who the owner is on channels.",
  scope: "operator.pairing",
  params: Type.Object({}, closed),
  result: Type.Object({
    requests: Type.Array(
      Type.Object({ requestId: Word, ...who, name: Maybe, createdAtMs: At, expiresAtMs: Type.Union([At, Type.Null()]) }),
    ),
    approved: Type.Array(Type.Object({ ...who, name: Maybe, approvedAtMs: At, approvedBy: Word })),
    owners: Type.Array(Type.Object({ channel: Word, accountId: Maybe, id: Word })),
  }),
});

/** The code that the applicant has, or the id of the request. */
const ofCode = { code: Type.String({ minLength: 1, maxLength: 64 }) };
const Outcome = Type.Object({ requestId: Word, ...who, name: Maybe });

export const approve = defineMethod({
  name: "pairing.approve",
  summary: "Lets in whoever has the code, and tells them; with `owner` as the owner.",
  scope: withOwner("owner"),
  params: Type.Object({ ...ofCode, owner: Type.Optional(Type.Boolean()) }, closed),
  result: Outcome,
});
export const reject = defineMethod({
  name: "pairing.reject",
  summary: "Turns down whoever has the code.",
  scope: "operator.pairing",
  params: Type.Object(ofCode, closed),
  result: Outcome,
});
export const revoke = defineMethod({
  name: "pairing.revoke",
  summary: "Lets a sender or a group in no longer; with `owner` the owner's link goes as well.",
  scope: withOwner("owner"),
  params: Type.Object({ channel: Word, accountId: Word, id: Word, owner: Type.Optional(Type.Boolean()) }, closed),
  result: Type.Object({ revoked: Type.Array(Kind), unlinked: Type.Boolean() }),
});

/** The methods of channels: accounts, who may write, sending. */
import { admin, type MethodEntry, method, pairing, read, write } from "./entry.ts";
import { published } from "./published.ts";
import * as its from "./shapes.ts";

const { flag, list, maybe, ok, oneOf, params, shape, word } = its;

export const channelMethods: Readonly<Record<string, MethodEntry>> = {
  "channels.status": read(published("ChannelsStatusParams"), published("ChannelsStatusResult")),
  "delivery.check": read(
    params(),
    shape({ findings: list(shape({ check: word, level: oneOf("ok", "warning", "error"), detail: word, mend: maybe(word) })) }),
  ),
  "channels.start": admin(published("ChannelsStartParams"), shape({ channel: word, accountId: word, started: flag })),
  "channels.stop": admin(published("ChannelsStopParams"), shape({ channel: word, accountId: word, stopped: flag })),
  "channels.pairing.list": pairing(published("ChannelsPairingListParams"), published("ChannelsPairingListResult")),
  "channels.pairing.approve": method(
    "operator.pairing",
    published("ChannelsPairingApproveParams"),
    published("ChannelsPairingApproveResult"),
    { scopeOf: ({ bootstrapCommandOwner }) => (bootstrapCommandOwner === true ? "operator.admin" : "operator.pairing") },
  ),
  "channels.pairing.dismiss": pairing(published("ChannelsPairingDismissParams"), published("ChannelsPairingDismissResult")),
  "pairing.list": pairing(params(), its.Applicants),
  "pairing.approve": method("operator.pairing", params({ code: word, owner: maybe(flag) }), shape(its.applicant), {
    scopeOf: ({ owner }) => (owner === true ? "operator.admin" : "operator.pairing"),
  }),
  "pairing.reject": pairing(params({ code: word }), shape(its.applicant)),
  "pairing.revoke": method(
    "operator.pairing",
    params({ channel: word, accountId: word, id: word, owner: maybe(flag) }),
    shape({ revoked: list(oneOf("sender", "group")), unlinked: flag }),
    { scopeOf: ({ owner }) => (owner === true ? "operator.admin" : "operator.pairing") },
  ),
  "channels.logout": admin(published("ChannelsLogoutParams"), shape({ channel: word, accountId: word, cleared: flag })),
  poll: write(published("PollParams"), shape({ runId: word, messageId: maybe(word), channel: word }), {
    refuses: ["silent", "isAnonymous"],
  }),
  "message.action": write(published("MessageActionParams"), shape({ ok, channel: word, action: word, messageId: word }), {
    refuses: [
      ...["reply", "requesterAccountId", "requesterSenderId", "senderIsOwner", "inboundTurnKind", "toolContext", "conversationReadOrigin"],
    ],
  }),
  send: write(published("SendParams"), shape({ runId: word, messageId: maybe(word), channel: word }), {
    refuses: ["mediaUrl", "mediaUrls", "asVoice", "gifPlayback", "forceDocument", "silent", "parseMode"],
  }),
};

/** A message that a channel hands in: who may write, which session it belongs to, and its place in a lane, in one commit. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { Acceptance, InboundMessage, inbox } from "@pincer/plugin-sdk/contracts/inbox";
import type { Verdict } from "@pincer/plugin-sdk/contracts/sender-policy";
import { inboundReceived } from "@pincer/plugin-sdk/hooks";
import type { Admission } from "@pincer/plugin-sdk/job";
import { type DeliveryConfig, rulesOf } from "./config.ts";
import type { ChannelManager } from "./manager.ts";
import { admissionOf } from "./outbox.ts";
import { judgeByList } from "./sender-list.ts";
import type { uses } from "./uses.ts";

type Context = Pick<PluginContext<DeliveryConfig, typeof uses>, "uses" | "store" | "run" | "log" | "config">;

export const positionKey = (channelId: string, account: string) => `position:${channelId}:${account}`;

/** Names the event in what is made of it, so that one that comes twice makes nothing twice. */
const eventKey = ({ address: { channel, account }, eventId }: InboundMessage) => `in:${channel}:${account}:${eventId}`;

/** Without a policy the router alone knows who the owner is. */
type Judged = Omit<Verdict, "owner"> & Partial<Pick<Verdict, "owner">>;

export function createInbox(context: Context, manager: ChannelManager): ImplementationOf<typeof inbox> {
  const { uses, store, log } = context;

  const judge = async (message: InboundMessage, io: Io): Promise<Judged> => {
    const rules = rulesOf(context.config, message.address.channel, message.address.account);
    return uses.senderPolicy === undefined ? judgeByList(message, rules) : uses.senderPolicy.judge({ message, rules }, io);
  };

  /** What the policy wants the sender to be told, in the conversation that they wrote in. */
  const said = (message: InboundMessage, { reply }: Judged): readonly Admission[] =>
    reply === undefined
      ? []
      : [
          admissionOf({
            address: message.address,
            key: `${eventKey(message)}:verdict`,
            ...reply,
            ...(message.messageId === undefined ? {} : { replyTo: message.messageId }),
          }),
        ];

  const turnOf = async (message: InboundMessage, { agentId: chosen, owner: byOwner }: Judged, io: Io): Promise<Admission> => {
    const inbound = await context.run(inboundReceived, message, io);
    const { agentId, sessionKey, owner } = await uses.router.route(
      { message: inbound, ...(byOwner === undefined ? {} : { owner: byOwner }), ...(chosen === undefined ? {} : { agentId: chosen }) },
      io,
    );
    const { bot: _, ...sender } = inbound.sender;
    return uses.turn.prepare(
      {
        runId: eventKey(message),
        sessionKey,
        agentId,
        owner,
        text: inbound.text,
        ...(byOwner === true ? { byOwner } : {}),
        ...(message.chat === "group" ? { group: true } : {}),
        sender: { ...sender, channel: message.address.channel },
        replyTo: { address: inbound.address, ...(inbound.messageId === undefined ? {} : { messageId: inbound.messageId }) },
        ...(inbound.attachments === undefined ? {} : { attachments: inbound.attachments }),
        ...(inbound.mode === undefined ? {} : { mode: inbound.mode }),
      },
      io,
    );
  };

  return {
    accept: async ({ message, position }, io): Promise<Acceptance> => {
      const { channel, account } = message.address;
      manager.received(channel, account);
      const values = position === undefined ? {} : { [positionKey(channel, account)]: position };
      const verdict = await judge(message, io);
      if (!verdict.admit) {
        const reason = verdict.reason ?? "the sender is not admitted";
        const admissions = [...said(message, verdict)];
        if (admissions.length > 0) await uses.lanes.admit({ admissions, values }, io);
        else await store.set(values);
        log.info("inbound.refused", { channel, account, sender: message.sender.id, reason });
        return { status: "refused", reason };
      }
      const admissions = [await turnOf(message, verdict, io), ...said(message, verdict)];
      const { jobs } = await uses.lanes.admit({ admissions, values }, io);
      return { status: jobs[0]?.fresh === true ? "accepted" : "duplicate" };
    },
    advance: async ({ channel, account, position }) => {
      await store.set({ [positionKey(channel, account)]: position });
      return {};
    },
  };
}

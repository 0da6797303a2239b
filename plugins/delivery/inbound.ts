/** A message that a channel hands in: who may write, which session it belongs to, and its place in a lane, in one commit. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { Acceptance, InboundMessage, inbox } from "@pincer/plugin-sdk/contracts/inbox";
import type { Verdict } from "@pincer/plugin-sdk/contracts/sender-policy";
import { inboundReceived } from "@pincer/plugin-sdk/hooks";
import type { Admission } from "@pincer/plugin-sdk/job";
import { type DeliveryConfig, defaultsOf, rulesOf } from "./config.ts";
import { contextOf } from "./context.ts";
import type { Lateness } from "./lateness.ts";
import type { ChannelManager } from "./manager.ts";
import { admissionOf, laneOf } from "./outbox.ts";
import { reactionsFor } from "./reactions.ts";
import { judgeByList } from "./sender-list.ts";
import { deliveryErrors } from "./targets.ts";
import type { uses } from "./uses.ts";

type Context = Pick<PluginContext<DeliveryConfig, typeof uses>, "uses" | "store" | "run" | "log" | "config" | "clock" | "signal">;

export const positionKey = (channelId: string, account: string) => `position:${channelId}:${account}`;

const name = /^[a-z0-9_-]+$/;
/** Keys of sessions, lanes and events have both between colons: with one inside, a channel would speak in somebody else's conversation. */
function requireNames({ address: { channel, account } }: InboundMessage): void {
  for (const [what, text] of Object.entries({ channel, account }))
    if (!name.test(text))
      throw deliveryErrors.DELIVERY_ADDRESS_INVALID(`address.${what} must match ${name.source}, ${JSON.stringify(text.slice(0, 80))} came`);
}

/** Names the event in what is made of it, so that one that comes twice makes nothing twice. */
const eventKey = ({ address: { channel, account }, eventId }: InboundMessage) => `in:${channel}:${account}:${eventId}`;

/** `90 minutes`, `2 hours`: in the greatest unit that says it in a whole number. */
function spanText(ms: number): string {
  const [unit, size] = (
    [
      ["day", 86_400_000],
      ["hour", 3_600_000],
      ["minute", 60_000],
    ] as const
  ).find(([, size]) => ms % size === 0) ?? ["second", 1000];
  const count = Math.round(ms / size);
  return count === 1 ? `one ${unit}` : `${count} ${unit}s`;
}

/** Without a policy the router alone knows who the owner is. */
type Judged = Omit<Verdict, "owner"> & Partial<Pick<Verdict, "owner">>;

export function createInbox(context: Context, manager: ChannelManager, lateness: Lateness): ImplementationOf<typeof inbox> {
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

  /** Whoever wrote long ago is told, once a conversation, that it was read and not answered. */
  const toldLate = async ({ address }: InboundMessage): Promise<{ admissions: Admission[]; values: Record<string, unknown> }> => {
    const { answerWithinMs } = defaultsOf(context.config);
    const key = `told-late:${laneOf(address)}:${address.thread ?? ""}`;
    const now = context.clock.now();
    const last = await store.get<number>(key);
    if (last !== undefined && Math.abs(now - last) < answerWithinMs) return { admissions: [], values: {} };
    const text = `I was not connected for a while. What was written more than ${spanText(answerWithinMs)} ago I have read, but not answered: ask again if you still want an answer.`;
    return { admissions: [admissionOf({ address, text, key: `${key}:${now}` })], values: { [key]: now } };
  };

  const turnOf = async (
    message: InboundMessage,
    { agentId: chosen, owner: byOwner }: Judged,
    isLate: boolean,
    io: Io,
  ): Promise<Admission> => {
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
        ...contextOf(inbound),
        ...(isLate ? { unanswered: true, writtenAt: inbound.sentAt } : {}),
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
      requireNames(message);
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
      const late = await lateness.judge(message);
      const turn = await turnOf(message, verdict, late.isLate, io);
      const told = late.isLate ? await toldLate(message) : { admissions: [], values: {} };
      const admissions = [
        turn,
        ...(late.isLate ? [] : reactionsFor(context, message, turn)),
        ...said(message, verdict),
        ...told.admissions,
      ];
      const { jobs } = await uses.lanes.admit({ admissions, values: { ...values, ...late.values, ...told.values } }, io);
      return { status: jobs[0]?.fresh === true ? "accepted" : "duplicate", runId: eventKey(message) };
    },
    admits: async ({ message }, io) => {
      requireNames(message);
      return { admit: (await judge(message, io)).admit };
    },
    advance: async ({ channel, account, position }) => {
      await store.set({ [positionKey(channel, account)]: position });
      return {};
    },
  };
}

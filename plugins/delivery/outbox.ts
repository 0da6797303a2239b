/** The way out: messages as jobs in the lane of their destination, and what a channel shows while they are written. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { ChannelRecord, channel } from "@pincer/plugin-sdk/contracts/channel";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import type { OutboundMessage, outbox, Receipt, Streaming } from "@pincer/plugin-sdk/contracts/outbox";
import { hasCode } from "@pincer/plugin-sdk/error";
import { deliveryEnded } from "@pincer/plugin-sdk/hooks";
import type { Admission, Job } from "@pincer/plugin-sdk/job";
import { checkedAttachments } from "./attachments.ts";
import type { Attempts } from "./attempts.ts";
import { channelOf, type DeliveryConfig, defaultsOf } from "./config.ts";
import type { ChannelManager } from "./manager.ts";
import { createOutbound, outboundJob } from "./outbound.ts";
import type { uses } from "./uses.ts";

/** Where a channel does not say how long it shows that somebody is typing. */
const typingMs = 5_000;
/** Of what one message may hold, so that marks have room. */
const growingShare = 0.9;
const longestGrowing = 8_000;

const jobKey = (key: string) => `out:${key}`;

/** Where messages keep their order. */
export const laneOf = ({ channel, account, conversation }: Address): string => `out:${channel}:${account}:${conversation}`;

const checked = ({ attachments, ...message }: OutboundMessage): OutboundMessage =>
  attachments === undefined ? message : { ...message, attachments: checkedAttachments(attachments) };

export const admissionOf = (message: OutboundMessage): Admission => ({
  lane: laneOf(message.address),
  kind: outboundJob.kind,
  key: jobKey(message.key),
  input: message,
});

function streamingOf(config: DeliveryConfig, channelId: string, record: ChannelRecord, canEdit: boolean): Streaming {
  const wanted = channelOf(config, channelId)?.streaming ?? (record.whole === true ? "off" : "edit");
  if (wanted !== "edit") return { mode: wanted };
  if (!canEdit || record.editEveryMs === undefined) return { mode: "blocks" };
  return { mode: "edit", everyMs: record.editEveryMs, chars: Math.min(longestGrowing, Math.floor(record.textLimit * growingShare)) };
}

export interface Outbox extends ImplementationOf<typeof outbox> {
  /** Sends it, and answers when the platform has. */
  sendAndWait(message: OutboundMessage, io: Io): Promise<Receipt>;
  /** The job `delivery.outbound`. */
  deliver(job: Job<OutboundMessage>): Promise<Receipt>;
}

export function createOutbox(ctx: PluginContext<DeliveryConfig, typeof uses>, manager: ChannelManager, attempts: Attempts): Outbox {
  const { lanes, channels, sessions } = ctx.uses;
  const provider = (name: string): { readonly record: ChannelRecord; readonly handle: ImplementationOf<typeof channel> } | undefined => {
    const found = channels.list().find((entry) => entry.name === name);
    return found && { record: found.record, handle: channels.get(name) };
  };

  const sendAndWait = async (message: OutboundMessage, io: Io): Promise<Receipt> => {
    await lanes.admit({ admissions: [admissionOf(checked(message))] }, io);
    const outcome = await lanes.wait({ key: jobKey(message.key) }, io);
    return outcome.state === "done"
      ? (outcome.result as Receipt)
      : { state: "failed", messageIds: [], detail: JSON.stringify(outcome.result) };
  };

  const outbound = createOutbound({
    attempts,
    defaults: () => defaultsOf(ctx.config),
    channel: provider,
    receipt: async (key) => {
      const outcome = await lanes.find({ key: jobKey(key) }, ctx);
      return outcome?.state === "done" ? (outcome.result as Receipt) : undefined;
    },
    isSuperseded: async ({ lane, input: { key } }) => {
      const { waiting } = await lanes.status({ lane }, ctx);
      return waiting.some(({ kind, input }) => kind === outboundJob.kind && (input as OutboundMessage).edits === key);
    },
  });

  /** Whoever reads the session sees what did not arrive, or may not have. */
  const tellSession = async (job: Job<OutboundMessage>, { state, detail }: Receipt): Promise<void> => {
    const { address, sessionKey, runId } = job.input;
    if (sessionKey === undefined) return;
    const what =
      state === "delivered"
        ? "was delivered, but not whole"
        : state === "uncertain"
          ? "may or may not have been delivered"
          : "was not delivered";
    const content = `A message to ${address.channel} ${what}: ${detail ?? "no reason given"}`;
    const message = { role: "user" as const, content, timestamp: ctx.clock.now() };
    const entry = { id: `delivery:${job.key}`, kind: "note" as const, message, ...(runId === undefined ? {} : { runId }) };
    await sessions.append({ key: sessionKey, entries: [entry] }, { signal: job.signal }).catch((error: unknown) => {
      // Whatever came of the message, it has come: a session that is gone is told nothing.
      if (!hasCode(error, "SESSION_UNKNOWN")) throw error;
    });
  };

  return {
    sendAndWait,
    async deliver(job) {
      const receipt = await outbound(job);
      const { address } = job.input;
      manager.sent(address, receipt);
      if (receipt.state !== "delivered" || receipt.detail !== undefined) await tellSession(job, receipt);
      await ctx.run(deliveryEnded, { message: job.input, state: receipt.state });
      return receipt;
    },
    prepare: async (message) => admissionOf(checked(message)),
    send: async (message, io) => {
      const { jobs } = await lanes.admit({ admissions: [admissionOf(checked(message))] }, io);
      if (jobs[0]?.state !== "done") return { state: "pending", messageIds: [] };
      return (await lanes.wait({ key: jobKey(message.key) }, io)).result as Receipt;
    },
    typing: async ({ address }, io) => {
      const { record, handle } = provider(address.channel) ?? {};
      if (handle?.typing === undefined) return { ms: null };
      await handle.typing({ address }, io);
      return { ms: record?.typingMs ?? typingMs };
    },
    streaming: async ({ address }) => {
      const { record, handle } = provider(address.channel) ?? {};
      if (record === undefined) return { mode: "off" };
      return streamingOf(ctx.config, address.channel, record, handle?.edit !== undefined);
    },
  };
}

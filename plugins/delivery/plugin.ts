import { definePlugin } from "@pincer/plugin-sdk";
import { type Attachment, inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { type OutboundMessage, outbox, type Receipt } from "@pincer/plugin-sdk/contracts/outbox";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { pluginsChanged } from "@pincer/plugin-sdk/events";
import { deliveryEnded } from "@pincer/plugin-sdk/hooks";
import type { Admission } from "@pincer/plugin-sdk/job";
import { channelOf, DeliveryConfig, defaultsOf } from "./config.ts";
import { createInbox, positionKey } from "./inbound.ts";
import { ChannelManager } from "./manager.ts";
import * as methods from "./methods.ts";
import { createOutbound, outboundJob } from "./outbound.ts";
import { channelsStatus } from "./status.ts";
import { uses } from "./uses.ts";

const deliveryErrors = defineErrors({
  DELIVERY_CHANNEL_UNKNOWN: { message: "no such channel", wire: "INVALID_REQUEST" },
  DELIVERY_CHANNEL_AMBIGUOUS: { message: "which channel is not clear", wire: "INVALID_REQUEST" },
  DELIVERY_EMPTY: { message: "there is nothing to send", wire: "INVALID_REQUEST" },
  DELIVERY_FAILED: { message: "the channel did not take the message", wire: "UNAVAILABLE" },
});

export default definePlugin({
  config: DeliveryConfig,
  uses,

  setup(ctx) {
    const { clock, log } = ctx;
    const manager = new ChannelManager({
      clock,
      log,
      config: () => ctx.config,
      channels: ctx.uses.channels,
      position: (channelId, account) => ctx.store.get<string>(positionKey(channelId, account)),
    });

    const jobKey = (key: string) => `out:${key}`;
    const admissionOf = (message: OutboundMessage): Admission => {
      const { channel: channelId, account, conversation } = message.address;
      return { lane: `out:${channelId}:${account}:${conversation}`, kind: outboundJob.kind, key: jobKey(message.key), input: message };
    };
    ctx.provide(
      inbox,
      "delivery",
      {},
      createInbox({
        context: ctx,
        onMessage: (channelId, account) => manager.note(channelId, account, "lastInboundAt"),
        outbound: admissionOf,
      }),
    );

    const sendAndWait = async (message: OutboundMessage, io: { readonly signal: AbortSignal }): Promise<Receipt> => {
      await ctx.uses.lanes.admit({ admissions: [admissionOf(message)] }, io);
      const outcome = await ctx.uses.lanes.wait({ key: jobKey(message.key) }, io);
      return outcome.state === "done"
        ? (outcome.result as Receipt)
        : { state: "failed", messageIds: [], detail: JSON.stringify(outcome.result) };
    };

    ctx.provide(
      outbox,
      "delivery",
      {},
      {
        prepare: async (message) => admissionOf(message),
        send: async (message, io) => {
          const { jobs } = await ctx.uses.lanes.admit({ admissions: [admissionOf(message)] }, io);
          if (jobs[0]?.state !== "done") return { state: "pending" as const, messageIds: [] };
          return (await ctx.uses.lanes.wait({ key: jobKey(message.key) }, io)).result as Receipt;
        },
        typing: async ({ address }, io) => {
          await ctx.uses.channels.get(address.channel).typing?.({ address }, io);
          return {};
        },
      },
    );

    const deliver = createOutbound({
      clock,
      defaults: () => defaultsOf(ctx.config),
      channel: (name) => {
        const found = ctx.uses.channels.list().find((entry) => entry.name === name);
        return found === undefined ? undefined : { record: found.record, handle: ctx.uses.channels.get(name) };
      },
      sentIds: async (key) => {
        const outcome = await ctx.uses.lanes.find({ key: jobKey(key) }, { signal: ctx.signal });
        return outcome?.state === "done" ? (outcome.result as Receipt).messageIds : [];
      },
    });

    ctx.job(outboundJob, async (job) => {
      const receipt = await deliver(job);
      const { input: message } = job;
      manager.note(message.address.channel, message.address.account, "lastOutboundAt");
      if (receipt.state !== "delivered" && message.sessionKey !== undefined) {
        const what = receipt.state === "uncertain" ? "may or may not have been delivered" : "was not delivered";
        await ctx.uses.sessions.append(
          {
            key: message.sessionKey,
            entries: [
              {
                id: `delivery:${job.key}`,
                kind: "note",
                message: {
                  role: "user",
                  content: `A message to ${message.address.channel} ${what}: ${receipt.detail ?? "no reason given"}`,
                  timestamp: clock.now(),
                },
                ...(message.runId === undefined ? {} : { runId: message.runId }),
              },
            ],
          },
          { signal: job.signal },
        );
      }
      await ctx.run(deliveryEnded, { message, state: receipt.state });
      return receipt;
    });

    const status = (only?: string) => channelsStatus(clock.now(), ctx.uses.channels.list(), manager.states(), ctx.config, only);
    ctx.method(methods.channelsStatus, ({ channel: only }) => status(only));

    const accountFor = (channelId: string, accountId: string | undefined): string => {
      if (!ctx.uses.channels.list().some(({ name }) => name === channelId)) {
        const known = ctx.uses.channels.list().map(({ name }) => name);
        throw deliveryErrors.DELIVERY_CHANNEL_UNKNOWN(
          `no enabled plugin provides the channel "${channelId}"; there are: ${known.join(", ") || "none"}`,
        );
      }
      return accountId ?? Object.keys(channelOf(ctx.config, channelId)?.accounts ?? { default: {} })[0] ?? "default";
    };

    ctx.method(methods.channelsStart, async ({ channel: channelId, accountId }) => {
      const account = accountFor(channelId, accountId);
      await manager.start(channelId, account);
      const started = manager.states().some((state) => state.channel === channelId && state.account === account && state.running);
      return { channel: channelId, accountId: account, started };
    });
    ctx.method(methods.channelsStop, async ({ channel: channelId, accountId }) => {
      const account = accountFor(channelId, accountId);
      await manager.stop(channelId, account);
      return { channel: channelId, accountId: account, stopped: true };
    });

    ctx.method(methods.send, async (params, { connection, signal }) => {
      const running = ctx.uses.channels.list().map(({ name }) => name);
      const channelId = params.channel ?? (running.length === 1 ? running[0] : undefined);
      if (channelId === undefined) {
        throw deliveryErrors.DELIVERY_CHANNEL_AMBIGUOUS(`name the channel in "channel"; there are: ${running.join(", ") || "none"}`);
      }
      if ((params.message ?? "").trim() === "" && params.buffer === undefined)
        throw deliveryErrors.DELIVERY_EMPTY('expected "message" or "buffer"');
      const mimeType = params.contentType ?? "application/octet-stream";
      const family = mimeType.split("/")[0];
      const kind: Attachment["kind"] = family === "image" || family === "audio" || family === "video" ? family : "document";
      const key = `send:${connection.principal}:${params.idempotencyKey}`;
      const receipt = await sendAndWait(
        {
          key,
          text: params.message ?? "",
          address: {
            channel: channelId,
            account: accountFor(channelId, params.accountId),
            conversation: params.to,
            ...(params.threadId === undefined ? {} : { thread: params.threadId }),
          },
          ...(params.replyToId === undefined ? {} : { replyTo: params.replyToId }),
          ...(params.sessionKey === undefined ? {} : { sessionKey: params.sessionKey }),
          ...(params.buffer === undefined
            ? {}
            : {
                attachments: [
                  { kind, mimeType, data: params.buffer, ...(params.filename === undefined ? {} : { fileName: params.filename }) },
                ],
              }),
        },
        { signal },
      );
      if (receipt.state === "failed")
        throw deliveryErrors.DELIVERY_FAILED(receipt.detail ?? "the channel gave no reason", { data: { messageIds: receipt.messageIds } });
      const messageId = receipt.messageIds.at(-1);
      return {
        runId: params.idempotencyKey,
        channel: channelId,
        to: params.to,
        status: receipt.state === "uncertain" ? ("uncertain" as const) : ("delivered" as const),
        messageIds: receipt.messageIds,
        ...(messageId === undefined ? {} : { messageId }),
        ...(receipt.detail === undefined ? {} : { detail: receipt.detail }),
      };
    });

    ctx.onConfig(() => manager.sync());
    // A channel that was enabled, or is gone.
    ctx.on(pluginsChanged, () => manager.sync());
    ctx.service("channels", async (signal) => {
      await manager.sync();
      await new Promise<void>((stopped) => signal.addEventListener("abort", () => stopped(), { once: true }));
      await manager.close();
    });
    ctx.health(async () => {
      const { channels, channelOrder, channelLabels } = status();
      const parts = { channels, channelOrder, channelLabels };
      const down = manager.states().filter((state) => state.enabled && !state.connected);
      return down.length === 0
        ? { ok: true, parts }
        : {
            ok: false,
            parts,
            detail: down.map((state) => `${state.channel}/${state.account}: ${state.lastError ?? state.status}`).join("; "),
          };
    });
  },
});

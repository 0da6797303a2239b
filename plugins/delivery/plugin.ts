import { definePlugin } from "@pincer/plugin-sdk";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { type Attachment, inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { type OutboundMessage, outbox, type Receipt } from "@pincer/plugin-sdk/contracts/outbox";
import { router } from "@pincer/plugin-sdk/contracts/router";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { turn } from "@pincer/plugin-sdk/contracts/turn";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { pluginsChanged } from "@pincer/plugin-sdk/events";
import { deliveryEnded, inboundReceived } from "@pincer/plugin-sdk/hooks";
import type { Admission } from "@pincer/plugin-sdk/job";
import { admits, channelOf, DeliveryConfig, defaultsOf } from "./config.ts";
import { ChannelManager } from "./manager.ts";
import * as methods from "./methods.ts";
import { createOutbound, outboundJob } from "./outbound.ts";
import { channelsStatus } from "./status.ts";

const deliveryErrors = defineErrors({
  DELIVERY_CHANNEL_UNKNOWN: { message: "no such channel", wire: "INVALID_REQUEST" },
  DELIVERY_CHANNEL_AMBIGUOUS: { message: "which channel is not clear", wire: "INVALID_REQUEST" },
  DELIVERY_EMPTY: { message: "there is nothing to send", wire: "INVALID_REQUEST" },
  DELIVERY_FAILED: { message: "the channel did not take the message", wire: "UNAVAILABLE" },
});

const positionKey = (channelId: string, account: string) => `position:${channelId}:${account}`;

export default definePlugin({
  config: DeliveryConfig,
  uses: { channels: channel, lanes, router, sessions, turn },

  setup(ctx) {
    const { uses, clock, log } = ctx;
    const manager = new ChannelManager({
      clock,
      log,
      config: () => ctx.config,
      channels: uses.channels,
      position: (channelId, account) => ctx.store.get<string>(positionKey(channelId, account)),
    });

    ctx.provide(
      inbox,
      "delivery",
      {},
      {
        accept: async ({ message, position }, io) => {
          const { channel: channelId, account } = message.address;
          const values = position === undefined ? {} : { [positionKey(channelId, account)]: position };
          manager.note(channelId, account, "lastInboundAt");
          if (!admits(ctx.config, channelId, account, message.sender.id)) {
            await ctx.store.set(values);
            log.info("inbound.refused", { channel: channelId, account, sender: message.sender.id });
            return { status: "refused" as const, reason: `${message.sender.id} is not in channels.${channelId}.allowFrom` };
          }
          const inbound = await ctx.run(inboundReceived, message, io);
          const { agentId, sessionKey, owner } = await uses.router.route(inbound, io);
          const admission = await uses.turn.prepare(
            {
              runId: `in:${channelId}:${account}:${message.eventId}`,
              sessionKey,
              agentId,
              owner,
              text: inbound.text,
              sender: { ...inbound.sender, channel: channelId },
              replyTo: { address: inbound.address, ...(inbound.messageId === undefined ? {} : { messageId: inbound.messageId }) },
              ...(inbound.attachments === undefined ? {} : { attachments: inbound.attachments }),
              ...(inbound.mode === undefined ? {} : { mode: inbound.mode }),
            },
            io,
          );
          const { jobs } = await uses.lanes.admit({ admissions: [admission], values }, io);
          return { status: jobs[0]?.fresh === true ? ("accepted" as const) : ("duplicate" as const) };
        },
        advance: async ({ channel: channelId, account, position }) => {
          await ctx.store.set({ [positionKey(channelId, account)]: position });
          return {};
        },
      },
    );

    const jobKey = (key: string) => `out:${key}`;
    const admissionOf = (message: OutboundMessage): Admission => {
      const { channel: channelId, account, conversation } = message.address;
      return { lane: `out:${channelId}:${account}:${conversation}`, kind: outboundJob.kind, key: jobKey(message.key), input: message };
    };
    const sendAndWait = async (message: OutboundMessage, io: { readonly signal: AbortSignal }): Promise<Receipt> => {
      await uses.lanes.admit({ admissions: [admissionOf(message)] }, io);
      const outcome = await uses.lanes.wait({ key: jobKey(message.key) }, io);
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
          const { jobs } = await uses.lanes.admit({ admissions: [admissionOf(message)] }, io);
          if (jobs[0]?.state !== "done") return { state: "pending" as const, messageIds: [] };
          return (await uses.lanes.wait({ key: jobKey(message.key) }, io)).result as Receipt;
        },
        typing: async ({ address }, io) => {
          await uses.channels.get(address.channel).typing?.({ address }, io);
          return {};
        },
      },
    );

    const deliver = createOutbound({
      clock,
      defaults: () => defaultsOf(ctx.config),
      channel: (name) => {
        const found = uses.channels.list().find((entry) => entry.name === name);
        return found === undefined ? undefined : { record: found.record, handle: uses.channels.get(name) };
      },
      sentIds: async (key) => {
        const outcome = await uses.lanes.find({ key: jobKey(key) }, { signal: ctx.signal });
        return outcome?.state === "done" ? (outcome.result as Receipt).messageIds : [];
      },
    });

    ctx.job(outboundJob, async (job) => {
      const receipt = await deliver(job);
      const { input: message } = job;
      manager.note(message.address.channel, message.address.account, "lastOutboundAt");
      if (receipt.state !== "delivered" && message.sessionKey !== undefined) {
        const what = receipt.state === "uncertain" ? "may or may not have been delivered" : "was not delivered";
        await uses.sessions.append(
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

    const status = (only?: string) => channelsStatus(clock.now(), uses.channels.list(), manager.states(), ctx.config, only);
    ctx.method(methods.channelsStatus, ({ channel: only }) => status(only));

    const accountFor = (channelId: string, accountId: string | undefined): string => {
      if (!uses.channels.list().some(({ name }) => name === channelId)) {
        const known = uses.channels.list().map(({ name }) => name);
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
      const running = uses.channels.list().map(({ name }) => name);
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

import { definePlugin } from "@pincer/plugin-sdk";
import { type Attachment, inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { outbox } from "@pincer/plugin-sdk/contracts/outbox";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { pluginsChanged } from "@pincer/plugin-sdk/events";
import { channelOf, DeliveryConfig } from "./config.ts";
import { createInbox, positionKey } from "./inbound.ts";
import { ChannelManager } from "./manager.ts";
import * as methods from "./methods.ts";
import { outboundJob } from "./outbound.ts";
import { createOutbox } from "./outbox.ts";
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

    const { sendAndWait, deliver, ...members } = createOutbox(ctx, manager);
    ctx.provide(outbox, "delivery", {}, members);
    ctx.job(outboundJob, deliver);
    ctx.provide(inbox, "delivery", {}, createInbox(ctx, manager));

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

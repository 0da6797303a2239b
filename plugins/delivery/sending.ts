/** `send`, `poll` and `message.action`: what clients put into a conversation of a channel, and change there. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { Io } from "@pincer/plugin-sdk/contract";
import { Address, type Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { Receipt } from "@pincer/plugin-sdk/contracts/outbox";
import { defineJob } from "@pincer/plugin-sdk/job";
import type { ParamsOf } from "@pincer/plugin-sdk/method";
import { type Static, Type } from "@sinclair/typebox";
import type { Attempts } from "./attempts.ts";
import type { DeliveryConfig } from "./config.ts";
import * as methods from "./methods.ts";
import { laneOf, type Outbox } from "./outbox.ts";
import { deliveryErrors, type Targets } from "./targets.ts";
import type { uses } from "./uses.ts";

const PollInput = Type.Object({
  address: Address,
  question: Type.String(),
  options: Type.Array(Type.String()),
  most: Type.Optional(Type.Integer()),
  durationMs: Type.Optional(Type.Integer()),
  key: Type.String(),
});
type PollInput = Static<typeof PollInput>;
const pollJob = defineJob({ kind: "delivery.poll", journal: 1, input: PollInput, result: Receipt });

function attachmentOf({
  buffer,
  filename,
  contentType: mimeType = "application/octet-stream",
}: ParamsOf<typeof methods.send>): Attachment[] {
  if (buffer === undefined) return [];
  const family = mimeType.split("/")[0];
  const kind: Attachment["kind"] = family === "image" || family === "audio" || family === "video" ? family : "document";
  return [{ kind, mimeType, data: buffer, ...(filename === undefined ? {} : { fileName: filename }) }];
}

interface SendingDeps {
  readonly targets: Targets;
  readonly attempts: Attempts;
  readonly sendAndWait: Outbox["sendAndWait"];
}

export function registerSending(ctx: PluginContext<DeliveryConfig, typeof uses>, { targets, attempts, sendAndWait }: SendingDeps): void {
  const { lanes, channels } = ctx.uses;
  const { targetOf, actionsOf } = targets;

  /** What clients are told of what came to its end. */
  const answer = (idempotencyKey: string, { channel, conversation }: Address, { state, messageIds, detail }: Receipt) => {
    if (state === "failed") throw deliveryErrors.DELIVERY_FAILED(detail ?? "the channel gave no reason", { data: { messageIds } });
    const messageId = messageIds.at(-1);
    return {
      runId: idempotencyKey,
      channel,
      to: conversation,
      status: state === "uncertain" ? ("uncertain" as const) : ("delivered" as const),
      messageIds,
      ...(messageId === undefined ? {} : { messageId }),
      ...(detail === undefined ? {} : { detail }),
    };
  };
  const addressOf = (params: { channel?: string; accountId?: string; to: string; threadId?: string }): Address => {
    const { channelId, account } = targetOf(params);
    return { channel: channelId, account, conversation: params.to, ...(params.threadId === undefined ? {} : { thread: params.threadId }) };
  };
  const unsupported = (channelId: string, what: string) => deliveryErrors.DELIVERY_UNSUPPORTED(`${channelId} has no ${what}`);

  ctx.method(methods.send, async (params, { connection, signal }) => {
    const { message = "", replyToId, sessionKey, idempotencyKey } = params;
    const address = addressOf(params);
    const attachments = attachmentOf(params);
    if (message.trim() === "" && attachments.length === 0) throw deliveryErrors.DELIVERY_EMPTY('expected "message" or "buffer"');
    const receipt = await sendAndWait(
      {
        key: `send:${connection.principal}:${idempotencyKey}`,
        text: message,
        address,
        ...(replyToId === undefined ? {} : { replyTo: replyToId }),
        ...(sessionKey === undefined ? {} : { sessionKey }),
        ...(attachments.length === 0 ? {} : { attachments }),
      },
      { signal },
    );
    return answer(idempotencyKey, address, receipt);
  });

  ctx.job(pollJob, async (job): Promise<Receipt> => {
    const { key, ...poll } = job.input;
    const { channel } = poll.address;
    const idempotent = channels.list().find(({ name }) => name === channel)?.record.idempotentSend === true;
    const send = async (signal: AbortSignal) => {
      const ask = actionsOf(channel)?.poll;
      if (ask === undefined) throw unsupported(channel, "polls");
      return (await ask({ ...poll, idempotencyKey: key }, { signal })).messageId;
    };
    const outcome = await attempts.through(job, attempts.ageOf(job), { name: "poll", idempotent, once: false, send });
    if (outcome.status === "sent") return { state: "delivered", messageIds: [outcome.messageId] };
    return { state: outcome.status === "uncertain" ? "uncertain" : "failed", messageIds: [], detail: outcome.detail };
  });

  ctx.method(methods.poll, async (params, { connection, signal }) => {
    const { question, options, maxSelections, durationSeconds, durationHours, idempotencyKey } = params;
    const address = addressOf(params);
    if (actionsOf(address.channel)?.poll === undefined) throw unsupported(address.channel, "polls");
    const seconds = durationSeconds ?? (durationHours === undefined ? undefined : durationHours * 3600);
    const key = `poll:${connection.principal}:${idempotencyKey}`;
    const input: PollInput = {
      address,
      question,
      options,
      key,
      ...(maxSelections === undefined ? {} : { most: maxSelections }),
      ...(seconds === undefined ? {} : { durationMs: seconds * 1000 }),
    };
    await lanes.admit({ admissions: [{ lane: laneOf(address), kind: pollJob.kind, key, input }] }, { signal });
    const { state, result } = await lanes.wait({ key }, { signal });
    return answer(
      idempotencyKey,
      address,
      state === "done" ? (result as Receipt) : { state: "failed", messageIds: [], detail: JSON.stringify(result) },
    );
  });

  const text = (params: Readonly<Record<string, unknown>>, ...names: readonly string[]): string | undefined => {
    const found = names.map((name) => params[name]).find((value) => value !== undefined);
    return typeof found === "number" ? String(found) : typeof found === "string" ? found : undefined;
  };
  const needed = (params: Readonly<Record<string, unknown>>, action: string, ...names: readonly string[]): string => {
    const found = text(params, ...names);
    if (found === undefined || found === "")
      throw deliveryErrors.DELIVERY_ACTION_INVALID(
        `"${action}" takes a text as params.${names[0]}; there came: ${Object.keys(params).join(", ") || "nothing"}`,
      );
    return found;
  };

  const act = async ({ action, params, channel, accountId }: ParamsOf<typeof methods.messageAction>, io: Io): Promise<string> => {
    const threadId = text(params, "threadId");
    const to = needed(params, action, "to", "target");
    const account = accountId ?? text(params, "accountId");
    const address = addressOf({
      channel,
      to,
      ...(account === undefined ? {} : { accountId: account }),
      ...(threadId === undefined ? {} : { threadId }),
    });
    const messageId = needed(params, action, "messageId");
    const handle = channels.get(channel);
    switch (action) {
      case "react": {
        if (handle.react === undefined) throw unsupported(channel, "reactions");
        const emoji = params["remove"] === true ? "" : text(params, "emoji");
        if (emoji === undefined)
          throw deliveryErrors.DELIVERY_ACTION_INVALID('"react" takes an emoji as params.emoji; an empty one takes it away');
        await handle.react({ address, messageId, emoji }, io);
        return messageId;
      }
      case "edit": {
        const record = channels.list().find(({ name }) => name === channel)?.record;
        if (handle.edit === undefined || record === undefined) throw unsupported(channel, "edits");
        const { render } = await import("./render/render.ts");
        const [part, ...more] = render(needed(params, action, "message", "text"), record);
        if (part === undefined || more.length > 0)
          throw deliveryErrors.DELIVERY_ACTION_INVALID(`a message of ${channel} has at most ${record.textLimit} characters`);
        await handle.edit({ address, messageId, ...part }, io);
        return messageId;
      }
      case "delete":
      case "unsend": {
        const remove = actionsOf(channel)?.remove;
        if (remove === undefined) throw unsupported(channel, "way to remove messages");
        await remove({ address, messageId }, io);
        return messageId;
      }
      default:
        throw deliveryErrors.DELIVERY_ACTION_INVALID(`there is no action "${action}"; there are: react, edit, delete`);
    }
  };
  ctx.method(methods.messageAction, async (params, { signal }) => ({
    ok: true as const,
    channel: params.channel,
    action: params.action,
    messageId: await act(params, { signal }),
  }));
}

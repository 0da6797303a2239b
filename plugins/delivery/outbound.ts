/** One outbound message as a durable function: rendered once, each part sent once, repeated only where nothing can arrive twice. */

import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ChannelRecord, channel } from "@pincer/plugin-sdk/contracts/channel";
import { OutboundMessage, Receipt } from "@pincer/plugin-sdk/contracts/outbox";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { defineJob, type Job } from "@pincer/plugin-sdk/job";
import type { Defaults } from "./config.ts";

export const outboundJob = defineJob({ kind: "delivery.outbound", journal: 2, input: OutboundMessage, result: Receipt });

/** What one attempt came to. Journalled, so that a replay neither sends nor waits again. */
type Attempt =
  | { readonly status: "sent"; readonly messageId: string }
  | { readonly status: "again"; readonly afterMs: number | null; readonly detail: string }
  | { readonly status: "rejected" | "uncertain"; readonly detail: string };

interface OutboundDeps {
  readonly clock: Clock;
  readonly defaults: () => Defaults;
  /** Undefined when no plugin provides the channel. */
  readonly channel: (name: string) => { readonly record: ChannelRecord; readonly handle: ImplementationOf<typeof channel> } | undefined;
  /** Message ids that an earlier key sent, oldest first. */
  readonly sentIds: (key: string) => Promise<readonly string[]>;
}

function classify(error: unknown, idempotent: boolean): Attempt {
  const detail = errorMessage(error);
  if (!isGatewayError(error)) return idempotent ? { status: "again", afterMs: null, detail } : { status: "uncertain", detail };
  switch (error.code) {
    case "CHANNEL_RATE_LIMITED":
    case "CHANNEL_UNAVAILABLE":
    case "CHANNEL_LOGIN_REQUIRED":
    case "CAPABILITY_MISSING":
      return { status: "again", afterMs: error.retryAfterMs ?? null, detail };
    case "CHANNEL_REJECTED":
      return { status: "rejected", detail };
    default:
      return idempotent ? { status: "again", afterMs: error.retryAfterMs ?? null, detail } : { status: "uncertain", detail };
  }
}

export function createOutbound({ clock, defaults, channel, sentIds }: OutboundDeps) {
  const skew = () => clock.now() - clock.monotonic();
  const skewAtStart = skew();

  /** How long a job has waited so far. What the time of day was set ahead in this life is no time that passed. */
  function ageOf({ admittedAt }: Job<OutboundMessage>): () => number {
    const setAhead = Math.max(0, skew() - skewAtStart);
    const since = clock.monotonic() - Math.max(0, clock.now() - admittedAt - setAhead);
    return () => clock.monotonic() - since;
  }

  /** Repeats until the part is through, refused, uncertain, or too old to be welcome. */
  async function sendPart(
    job: Job<OutboundMessage>,
    age: () => number,
    name: string,
    idempotent: boolean,
    send: (signal: AbortSignal) => Promise<string>,
  ): Promise<Exclude<Attempt, { status: "again" }>> {
    const { retryFirstMs, retryLongestMs, giveUpAfterMs } = defaults();
    for (let attempt = 0; ; attempt++) {
      let waited = true;
      const run = async (signal: AbortSignal): Promise<Attempt> => {
        waited = false;
        try {
          return { status: "sent", messageId: await send(signal) };
        } catch (error) {
          if (signal.aborted) throw error;
          return classify(error, idempotent);
        }
      };
      const step = `${name}:${attempt}`;
      let outcome: Attempt;
      if (idempotent) outcome = await job.effect(step, { attempt }, run, { replay: "safe" });
      else {
        const effect = await job.effect(step, { attempt }, run);
        outcome = effect.ok ? effect.value : { status: "uncertain", detail: "the gateway stopped while the message was being sent" };
      }
      if (outcome.status !== "again") return outcome;
      const pause = outcome.afterMs ?? Math.min(retryLongestMs, retryFirstMs * 2 ** Math.min(attempt, 20));
      if (age() + pause > giveUpAfterMs) return { status: "rejected", detail: `given up after ${attempt + 1} attempts: ${outcome.detail}` };
      if (!waited) await job.sleep(pause);
    }
  }

  return async function deliver(job: Job<OutboundMessage>): Promise<Receipt> {
    const { address, text, attachments, replyTo, key, edits } = job.input;
    const age = ageOf(job);
    if (age() > defaults().giveUpAfterMs) {
      return { state: "failed", messageIds: [], detail: "it waited too long to be welcome, and was not sent" };
    }
    const target = channel(address.channel);
    if (target === undefined) return { state: "failed", messageIds: [], detail: `no plugin provides the channel "${address.channel}"` };
    const { record, handle } = target;
    // Loaded when something is to be sent: a start needs none of it.
    const rendered = async () => (await import("./render/render.ts")).render(text, record);
    const parts = await job.effect("render", { key }, rendered, { replay: "safe" });
    if (parts.length === 0 && attachments !== undefined && attachments.length > 0) parts.push({ text: "" });

    const previous = edits === undefined ? undefined : (await sentIds(edits)).at(-1);
    const messageIds: string[] = [];
    let uncertain: string | undefined;
    for (const [index, part] of parts.entries()) {
      const edited = index === 0 && previous !== undefined && handle.edit !== undefined ? previous : undefined;
      const first = index === 0;
      const outcome = await sendPart(job, age, `part:${index}`, record.idempotentSend || edited !== undefined, async (signal) => {
        if (edited !== undefined) {
          await handle.edit?.({ address, messageId: edited, ...part }, { signal });
          return edited;
        }
        const sent = await handle.send(
          {
            address,
            ...part,
            idempotencyKey: `${key}:${index}`,
            ...(first && attachments !== undefined ? { attachments } : {}),
            ...(first && replyTo !== undefined ? { replyTo } : {}),
          },
          { signal },
        );
        return sent.messageId;
      });
      if (outcome.status === "sent") messageIds.push(outcome.messageId);
      else if (outcome.status === "uncertain") uncertain = outcome.detail;
      else return { state: "failed", messageIds, detail: outcome.detail };
    }
    return uncertain === undefined ? { state: "delivered", messageIds } : { state: "uncertain", messageIds, detail: uncertain };
  };
}

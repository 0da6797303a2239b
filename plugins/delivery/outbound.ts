/** One outbound message as a durable function: rendered once, each part sent once, repeated only where nothing can arrive twice. */

import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ChannelRecord, Choice, channel } from "@pincer/plugin-sdk/contracts/channel";
import { OutboundMessage, Receipt } from "@pincer/plugin-sdk/contracts/outbox";
import { defineJob, type Job } from "@pincer/plugin-sdk/job";
import type { Attempts, Outcome, Step } from "./attempts.ts";
import { compose } from "./composition.ts";
import type { Defaults } from "./config.ts";

export const outboundJob = defineJob({ kind: "delivery.outbound", journal: 2, input: OutboundMessage, result: Receipt });

/** One message of the platform, in its markup and within its limits. */
interface Part {
  readonly text: string;
  readonly plain?: string;
  readonly choices?: Choice[];
}

interface OutboundDeps {
  readonly attempts: Attempts;
  readonly defaults: () => Defaults;
  /** Undefined when no plugin provides the channel. */
  readonly channel: (name: string) => { readonly record: ChannelRecord; readonly handle: ImplementationOf<typeof channel> } | undefined;
  /** What an earlier key has come to; undefined when it has not, or is long ago. */
  readonly receipt: (key: string) => Promise<Receipt | undefined>;
  /** Whether the message that is shown in place of this one waits behind it. */
  readonly isSuperseded: (job: Job<OutboundMessage>) => Promise<boolean>;
}

const digest = ({ text, choices }: Part): string => Bun.hash(JSON.stringify([text, choices])).toString(36);

export function createOutbound({ attempts, defaults, channel, receipt, isSuperseded }: OutboundDeps) {
  const { ageOf, through } = attempts;

  /** A plugin that is being mended or has not been enabled yet is waited for as long as a message is welcome: nothing is lost by a start without it. */
  async function awaited(job: Job<OutboundMessage>, age: () => number): Promise<ReturnType<typeof channel>> {
    const { retryFirstMs, retryLongestMs, giveUpAfterMs } = defaults();
    for (let attempt = 0; ; attempt++) {
      const target = channel(job.input.address.channel);
      const pause = Math.min(retryLongestMs, retryFirstMs * 2 ** Math.min(attempt, 20));
      if (target !== undefined || age() + pause > giveUpAfterMs) return target;
      await job.sleep(pause);
    }
  }

  return async function deliver(job: Job<OutboundMessage>): Promise<Receipt> {
    const { address, choices, replyTo, key, edits, growing = false } = job.input;
    const age = ageOf(job);
    if (age() > defaults().giveUpAfterMs) {
      return { state: "failed", messageIds: [], detail: "it waited too long to be welcome, and was not sent" };
    }
    const target = await awaited(job, age);
    if (target === undefined) return { state: "failed", messageIds: [], detail: `no plugin provides the channel "${address.channel}"` };
    const { record, handle } = target;
    const before = edits === undefined || handle.edit === undefined ? undefined : await receipt(edits);
    const ids: (string | undefined)[] = [...(before?.messageIds ?? [])];
    const shown: (string | undefined)[] = [...(before?.shown ?? [])];
    if (growing && (await job.effect("superseded", null, () => isSuperseded(job), { replay: "safe" })))
      return { state: "delivered", ...listed(ids, shown) };

    const { text, attachments, leftOut } = compose(job.input, record);
    // Loaded when something is to be sent: a start needs none of it.
    const rendered = async (): Promise<Part[]> => (await import("./render/render.ts")).render(text, record, { growing });
    const parts = await job.effect("render", { key }, rendered, { replay: "safe" });
    if (parts.length === 0 && attachments.length > 0) parts.push({ text: "" });

    let uncertain: string | undefined;
    let areAttached = attachments.length === 0;
    const posting = (part: Part, name: string): Step => ({
      name,
      idempotent: record.idempotentSend,
      once: growing && !record.idempotentSend,
      send: async (signal) => {
        const extras = areAttached ? {} : { attachments: [...attachments] };
        const answer = replyTo === undefined || ids.length > 0 ? {} : { replyTo };
        const { messageId } = await handle.send({ address, ...part, ...extras, ...answer, idempotencyKey: `${key}:${name}` }, { signal });
        return messageId;
      },
    });
    for (const [index, rendered] of parts.entries()) {
      const buttons = index === parts.length - 1 && record.choices === true && choices !== undefined ? { choices } : {};
      const part = { ...rendered, ...buttons };
      const edited = ids[index];
      if (edited !== undefined && shown[index] === digest(part)) continue;
      let outcome: Outcome | undefined;
      if (edited !== undefined) {
        const send = async (signal: AbortSignal) => {
          await handle.edit?.({ address, ...part, messageId: edited }, { signal });
          return edited;
        };
        outcome = await through(job, age, { name: `edit:${index}`, idempotent: true, once: growing, send });
      }
      // Somebody has removed the message, or it is too old to be changed: it is said once more rather than not at all.
      if (outcome === undefined || (outcome.status === "rejected" && !growing)) {
        outcome = await through(job, age, posting(part, `part:${index}`));
        areAttached ||= outcome.status === "sent" || outcome.status === "uncertain";
      }
      if (outcome.status === "uncertain") uncertain = outcome.detail;
      else if (outcome.status === "sent") {
        ids[index] = outcome.messageId;
        shown[index] = digest(part);
      } else if (growing) break;
      else return { state: "failed", ...listed(ids, shown), detail: outcome.detail };
    }
    if (!areAttached) {
      const outcome = await through(job, age, posting({ text: "" }, "attachments"));
      if (outcome.status === "uncertain") uncertain = outcome.detail;
      else if (outcome.status !== "sent") return { state: "failed", ...listed(ids, shown), detail: outcome.detail };
    }
    const details = [...(uncertain === undefined ? [] : [uncertain]), ...leftOut];
    return {
      state: uncertain === undefined ? "delivered" : "uncertain",
      ...listed(ids, shown),
      ...(details.length === 0 ? {} : { detail: details.join("; ") }),
    };
  };
}

/** A part that nobody can say was sent has no id. */
function listed(ids: readonly (string | undefined)[], shown: readonly (string | undefined)[]): Pick<Receipt, "messageIds" | "shown"> {
  const known = ids.flatMap((id, index) => (id === undefined ? [] : [[id, shown[index] ?? ""] as const]));
  return { messageIds: known.map(([id]) => id), shown: known.map(([, digest]) => digest) };
}

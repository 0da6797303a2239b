/**
 * The job `delivery.reactions`: shows on a message how far it is, from its admission to the end of its turn. A job of its own, so that whatever
 * happens to the turn, and to the process, nothing that says "working" is left behind.
 */
import type { PluginContext } from "@pincer/plugin-sdk";
import { Address, type InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { type Admission, defineJob, type Job, type JobOutcome } from "@pincer/plugin-sdk/job";
import { type Static, Type } from "@sinclair/typebox";
import { type DeliveryConfig, type Reactions, reactionsOf } from "./config.ts";
import type { uses } from "./uses.ts";

const ReactionsInput = Type.Object({
  address: Address,
  messageId: Type.String(),
  /** Of the job that answers the message. */
  turnKey: Type.String(),
});
type ReactionsInput = Static<typeof ReactionsInput>;

export const reactionsJob = defineJob({ kind: "delivery.reactions", journal: 1, input: ReactionsInput, result: Type.Object({}) });

type Context = Pick<PluginContext<DeliveryConfig, typeof uses>, "uses" | "config" | "log" | "signal">;

/** How often the turn is looked at; the first changes come soon. */
const [firstPauseMs, longestPauseMs] = [200, 2_000];
/** One that cannot be taken away within these is left to the platform. */
const attempts = 5;

/** What a message that was admitted brings with it, where its channel shows reactions. */
export function reactionsFor(
  { config, uses: { channels } }: Context,
  { address, messageId }: InboundMessage,
  turn: Admission,
): readonly Admission[] {
  if (messageId === undefined || reactionsOf(config, address.channel) === undefined) return [];
  if (!channels.list().some(({ name }) => name === address.channel) || channels.get(address.channel).react === undefined) return [];
  const input: ReactionsInput = { address, messageId, turnKey: turn.key };
  return [{ lane: `job:delivery:reactions:${turn.key}`, kind: reactionsJob.kind, key: `reactions:${turn.key}`, input }];
}

export function createReactions(ctx: Context) {
  const { channels, lanes } = ctx.uses;

  /** The job that answers it now: others take over what was said into them. */
  const outcomeOf = async (key: string): Promise<JobOutcome | null> => {
    const found = await lanes.find({ key }, ctx);
    const by = found?.state === "absorbed" ? (found.result as { readonly by?: unknown } | null)?.by : undefined;
    return typeof by === "string" ? outcomeOf(by) : found;
  };

  return async (job: Job<ReactionsInput>): Promise<Record<string, never>> => {
    const { address, messageId, turnKey } = job.input;
    let shown = "";
    const show = async (step: keyof Reactions | "gone", emoji: string): Promise<void> => {
      for (let attempt = 0; attempt < attempts && emoji !== shown; attempt++) {
        const put = async (signal: AbortSignal): Promise<string> => {
          try {
            await channels.get(address.channel).react?.({ address, messageId, emoji }, { signal });
            return "shown";
          } catch (error) {
            if (signal.aborted) throw error;
            ctx.log.debug("reaction.failed", { channel: address.channel, error: errorMessage(error) });
            return hasCode(error, "CHANNEL_REJECTED") ? "refused" : "again";
          }
        };
        const came = await job.effect(`${step}:${attempt}`, null, put, { replay: "safe" });
        if (came === "refused") return;
        if (came === "shown") shown = emoji;
        else await job.sleep(firstPauseMs * 4 ** attempt);
      }
    };

    for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 2)) {
      const { seen, working, done, failed } = reactionsOf(ctx.config, address.channel) ?? { seen: "", working: "", done: "", failed: "" };
      const outcome = await outcomeOf(turnKey);
      if (outcome === null || outcome.state === "cancelled") await show("gone", "");
      else if (outcome.state === "ready") await show("seen", seen);
      else if (outcome.state === "running") await show("working", working);
      else if (outcome.state === "done" && (outcome.result as { readonly status?: unknown } | null)?.status === "ok")
        await show("done", done);
      else await show("failed", failed);
      if (outcome?.state !== "ready" && outcome?.state !== "running") return {};
      await job.sleep(pause);
    }
  };
}

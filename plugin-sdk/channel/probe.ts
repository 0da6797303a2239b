/** Whether an account works, asked of its platform while somebody waits for the answer. */
import type { Clock } from "../clock.ts";
import { channelErrors } from "../contracts/channel.ts";
import { within } from "../signal.ts";
import type { Trouble } from "./trouble.ts";

const probeMs = 8_000;

/** What `look` throws is told as trouble; rejects only when whoever asked has had enough. */
export async function probed<Found extends { readonly ok: boolean }>(
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  look: (signal: AbortSignal) => Promise<Found>,
  told: (error: unknown) => Trouble,
): Promise<Found | ({ readonly ok: false } & Trouble)> {
  const late = () => channelErrors.CHANNEL_UNAVAILABLE(`no answer in ${probeMs} ms`);
  try {
    return await within({ clock, ms: probeMs, late, signal }, look);
  } catch (error) {
    if (signal.aborted) throw error;
    return { ok: false, ...told(error) };
  }
}

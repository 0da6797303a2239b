/** Speech as text, by whichever transcriber takes the recording. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { transcriber } from "@pincer/plugin-sdk/contracts/transcriber";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { MediaConfig } from "./config.ts";
import { type DocumentText, Unreadable } from "./unreadable.ts";

export const uses = { transcribers: ifPresent(transcriber) };
export type MediaContext = PluginContext<MediaConfig, typeof uses>;

class Late extends Error {}

/** Throws `Unreadable`, also for what a transcriber's server says instead. */
export async function recordingText(ctx: MediaContext, data: Uint8Array, mimeType: string, signal: AbortSignal): Promise<DocumentText> {
  const { transcriber: chosen, language, transcriptionMs } = ctx.config;
  const known = ctx.uses.transcribers?.list() ?? [];
  if (known.length === 0) throw new Unreadable("nothing is set up that hears recordings");
  const able = known.filter(({ name, record }) => (chosen === undefined || name === chosen) && record.mimeTypes.includes(mimeType));
  const [first] = able;
  if (first === undefined) throw new Unreadable(`recordings of this kind (${mimeType}) are not taken by what hears them here`);
  using stop = linkSignals(signal);
  using _late = ctx.clock.after(transcriptionMs, () => stop.abort(new Late()));
  const request = { data, mimeType, ...(language === undefined ? {} : { language }) };
  const { text, failure } = await (
    ctx.uses.transcribers?.get(first.name).transcribe(request, { signal: stop.signal }) ?? Promise.reject(new Late())
  ).catch((error: unknown) => {
    signal.throwIfAborted();
    if (stop.signal.reason instanceof Late)
      throw new Unreadable(`what was said was not written down within ${Math.round(transcriptionMs / 1000)} s`);
    ctx.log.warn("transcription.failed", { transcriber: first.name, error: errorMessage(error) });
    throw new Unreadable("what hears recordings failed");
  });
  if (failure !== undefined) throw new Unreadable(`it could not be heard: ${failure}`);
  const said = text.trim();
  if (said === "") throw new Unreadable("nobody speaks in it");
  return { what: "recording, as it was heard", text: said, leftOut: [] };
}

/** Speech as text, by whichever transcriber takes the recording. */
import type { PluginContext } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { transcriber } from "@pincer/plugin-sdk/contracts/transcriber";
import { type OnBehalfOf, transcriberAccess } from "@pincer/plugin-sdk/contracts/transcriber-access";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { MediaConfig } from "./config.ts";
import { type DocumentText, Unreadable } from "./unreadable.ts";

export const uses = { transcribers: ifPresent(transcriber), access: ifPresent(transcriberAccess) };
export type MediaContext = PluginContext<MediaConfig, typeof uses>;

class Late extends Error {}

/** Throws `Unreadable`, also for what a transcriber's server says instead. */
export async function recordingText(
  ctx: MediaContext,
  data: Uint8Array,
  mimeType: string,
  onBehalfOf: OnBehalfOf,
  signal: AbortSignal,
): Promise<DocumentText> {
  const { transcriber: chosen, language, transcriptionMs } = ctx.config;
  const known = ctx.uses.transcribers?.list() ?? [];
  // Past whoever counts, none is asked.
  const { access } = ctx.uses;
  if (known.length === 0 || access === undefined) throw new Unreadable("nothing is set up that hears recordings");
  const able = known.filter(({ name, record }) => (chosen === undefined || name === chosen) && record.mimeTypes.includes(mimeType));
  const [first] = able;
  if (first === undefined) throw new Unreadable(`recordings of this kind (${mimeType}) are not taken by what hears them here`);
  using stop = linkSignals(signal);
  using _late = ctx.clock.after(transcriptionMs, () => stop.abort(new Late()));
  const request = { ...onBehalfOf, transcriber: first.name, data, mimeType, ...(language === undefined ? {} : { language }) };
  const { text, failure } = await access.transcribe(request, { signal: stop.signal }).catch((error: unknown) => {
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

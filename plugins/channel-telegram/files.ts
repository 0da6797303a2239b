/** The file of a message: which one it is, and how it is fetched. */
import { attachmentOf, leftOut, readWithin, tooLarge } from "@pincer/plugin-sdk/channel/media";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { Message } from "grammy/types";
import type { Bot } from "./bot.ts";

interface SentFile {
  /** For people. */
  readonly what: string;
  readonly fileId: string;
  readonly mimeType: string;
  readonly fileName?: string;
  /** As Telegram says, when it does. */
  readonly bytes?: number;
}

interface Described {
  readonly file_id: string;
  readonly file_size?: number;
  readonly mime_type?: string;
  readonly file_name?: string;
}

const fileOf = (what: string, mimeType: string, { file_id, file_size, mime_type, file_name }: Described): SentFile => ({
  what,
  fileId: file_id,
  mimeType: mime_type ?? mimeType,
  ...(file_size === undefined ? {} : { bytes: file_size }),
  ...(file_name === undefined ? {} : { fileName: file_name }),
});

/** Undefined for a message without one. An animation is a document to older clients as well, so it comes first. */
export function fileIn({ photo, animation, document, voice, audio, video, video_note }: Message): SentFile | undefined {
  if (photo && photo.length > 0) {
    // Telegram offers it in several sizes.
    const largest = photo.reduce((best, size) => (size.width * size.height > best.width * best.height ? size : best));
    return fileOf("photo", "image/jpeg", largest);
  }
  if (animation) return fileOf("animation", "video/mp4", animation);
  if (document) return fileOf("document", "application/octet-stream", document);
  if (voice) return fileOf("voice message", "audio/ogg", voice);
  if (audio) return fileOf("audio", "audio/mpeg", audio);
  if (video) return fileOf("video", "video/mp4", video);
  if (video_note) return fileOf("video message", "video/mp4", video_note);
  return undefined;
}

export interface Fetched {
  readonly attachments: readonly Attachment[];
  /** What is said in the text of what was not fetched. */
  readonly notes: readonly string[];
}

/** Of one message, or of an album. Never throws but when the signal aborts: what cannot be fetched is said. */
export async function fetchFiles(bot: Bot, clock: Clock, files: readonly SentFile[], signal: AbortSignal): Promise<Fetched> {
  const attachments: Attachment[] = [];
  const notes: string[] = [];
  let left = bot.settings.mediaBytes;
  for (const file of files) {
    const note = (why: string) => notes.push(leftOut(file.what, why, file));
    if ((file.bytes ?? 0) > left) {
      note(tooLarge(bot.settings.mediaBytes));
      continue;
    }
    try {
      const bytes = await fetchFile(bot, clock, file, left, signal);
      if (bytes === undefined) note(tooLarge(bot.settings.mediaBytes));
      else {
        left -= bytes.length;
        attachments.push(attachmentOf(bytes, file.mimeType, file.fileName));
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      note(`not fetched: ${errorMessage(error)}`);
    }
  }
  return { attachments, notes };
}

/** Longest wait for a whole file. */
const FETCH_MS = 60_000;

async function fetchFile(bot: Bot, clock: Clock, { fileId }: SentFile, most: number, caller: AbortSignal): Promise<Uint8Array | undefined> {
  using linked = linkSignals(caller);
  using _timer = clock.after(FETCH_MS, () => linked.abort(new DOMException(`it took longer than ${FETCH_MS / 1000} s`, "TimeoutError")));
  const { signal } = linked;
  const { file_path: path } = await bot.call({ signal, isSafe: true }, (api) => api.getFile({ file_id: fileId }));
  if (path === undefined) throw new Error("Telegram does not say where it is");
  // A server that was started with --local says where it lies on its own disk.
  if (path.startsWith("/")) throw new Error("the Bot API server keeps it on its own disk (it runs with --local)");
  const response = await bot.file(path, signal);
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`Telegram answers with status ${response.status}`);
  }
  return await readWithin(response, most);
}

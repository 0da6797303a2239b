/** The files of a message: where they are, and how they are fetched. Their addresses are signed, and hold for a day. */
import { attachmentOf, leftOut, readWithin, tooLarge } from "@pincer/plugin-sdk/channel/media";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { type APIAttachment, type APIMessage, Routes } from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import { CDN_ROOT } from "./config.ts";
import { contentOf, type Fetched } from "./incoming.ts";

/** Longest wait for a whole file. */
const FETCH_MS = 60_000;

export const filesOf = (message: APIMessage): readonly APIAttachment[] => contentOf(message).attachments;

/** Before it is known that it can be read. */
export function hasFiles(message: APIMessage): boolean {
  try {
    return filesOf(message).length > 0;
  } catch {
    return false; // silent-ok: what cannot be read is told where it is read
  }
}

const whatOf = ({ content_type: type = "", duration_secs: seconds }: APIAttachment): string => {
  if (seconds !== undefined && type.startsWith("audio/")) return "voice message";
  const family = type.split("/")[0];
  return family === "image" || family === "audio" || family === "video" ? family : "document";
};

const noteOf = (file: APIAttachment, why: string): string => leftOut(whatOf(file), why, { fileName: file.filename, bytes: file.size });

export const unfetched = (message: APIMessage): Fetched => ({
  attachments: [],
  notes: filesOf(message).map((file) => noteOf(file, "not fetched")),
});

/** Never throws but when the signal aborts: what cannot be fetched is said. */
export async function fetchFiles(bot: Bot, clock: Clock, message: APIMessage, signal: AbortSignal): Promise<Fetched> {
  const attachments: Attachment[] = [];
  const notes: string[] = [];
  const most = bot.settings.mediaBytes;
  let left = most;
  for (const file of filesOf(message)) {
    if (file.size > left) {
      notes.push(noteOf(file, tooLarge(most)));
      continue;
    }
    try {
      const bytes = await fetchFile(bot, clock, message, file, left, signal);
      if (bytes === undefined) notes.push(noteOf(file, tooLarge(most)));
      else {
        left -= bytes.length;
        attachments.push(attachmentOf(bytes, file.content_type?.split(";")[0] ?? "application/octet-stream", file.filename));
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      notes.push(noteOf(file, `not fetched: ${errorMessage(error)}`));
    }
  }
  return { attachments, notes };
}

/** Discord's own servers of files, or what stands in for them; nothing else is asked, whatever a message says. */
function addressOf(bot: Bot, { url }: APIAttachment): string {
  const { origin, pathname, search } = new URL(url);
  if (origin !== CDN_ROOT && origin !== "https://media.discordapp.net") throw new Error("it is not kept by Discord");
  return `${bot.settings.cdnRoot === CDN_ROOT ? origin : bot.settings.cdnRoot}${pathname}${search}`;
}

async function fetchFile(
  bot: Bot,
  clock: Clock,
  message: APIMessage,
  file: APIAttachment,
  most: number,
  caller: AbortSignal,
): Promise<Uint8Array | undefined> {
  using linked = linkSignals(caller);
  using _timer = clock.after(FETCH_MS, () => linked.abort(new DOMException(`it took longer than ${FETCH_MS / 1000} s`, "TimeoutError")));
  const { signal } = linked;
  let response = await bot.file(addressOf(bot, file), signal);
  if (response.status === 403 || response.status === 404) {
    // What was handed out late has an address whose signature is over.
    await response.body?.cancel();
    const fresh = await bot.call<APIMessage>({ signal, isSafe: true }, (rest) =>
      rest.get(Routes.channelMessage(message.channel_id, message.id)),
    );
    const again = filesOf(fresh).find(({ id }) => id === file.id);
    if (again === undefined) throw new Error("Discord does not have it any more");
    response = await bot.file(addressOf(bot, again), signal);
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`Discord answers with status ${response.status}`);
  }
  return await readWithin(response, most);
}

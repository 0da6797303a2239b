/** The files of a message: which they are, and how they are fetched. */
import { attachmentOf, leftOut, readWithin, tooLarge } from "@pincer/plugin-sdk/channel/media";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { Bot } from "./bot.ts";
import type { SlackFile } from "./events.ts";
import { howToAdd } from "./failure.ts";

export interface Fetched {
  readonly attachments: readonly Attachment[];
  /** What is said in the text of what was not fetched. */
  readonly notes: readonly string[];
}

/** Longest wait for a whole file. */
const FETCH_MS = 60_000;

const nameOf = ({ name, title }: SlackFile): string | undefined => name || title || undefined;

const noteOf = (file: SlackFile, why: string): string => {
  const fileName = nameOf(file);
  return leftOut("file", why, { ...(fileName !== undefined && { fileName }), ...(file.size !== undefined && { bytes: file.size }) });
};

export const notFetched = (files: readonly SlackFile[]): Fetched => ({
  attachments: [],
  notes: files.map((file) => noteOf(file, "not fetched")),
});

/** Never throws but when the signal aborts: what cannot be fetched is said. */
export async function fetchFiles(bot: Bot, clock: Clock, files: readonly SlackFile[], signal: AbortSignal): Promise<Fetched> {
  const attachments: Attachment[] = [];
  const notes: string[] = [];
  const most = bot.settings.mediaBytes;
  let left = most;
  for (const file of files) {
    try {
      const bytes = (file.size ?? 0) > left ? undefined : await fetchFile(bot, clock, file, left, signal);
      if (bytes === undefined) {
        notes.push(noteOf(file, tooLarge(most)));
        continue;
      }
      left -= bytes.length;
      attachments.push(attachmentOf(bytes, file.mimetype || "application/octet-stream", nameOf(file)));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      notes.push(noteOf(file, `not fetched: ${errorMessage(error)}`));
    }
  }
  return { attachments, notes };
}

async function fetchFile(bot: Bot, clock: Clock, sent: SlackFile, most: number, caller: AbortSignal): Promise<Uint8Array | undefined> {
  using linked = linkSignals(caller);
  using _timer = clock.after(FETCH_MS, () => linked.abort(new DOMException(`it took longer than ${FETCH_MS / 1000} s`, "TimeoutError")));
  const { signal } = linked;
  // In a channel that is shared with another workspace the event says nothing of the file itself.
  const file =
    sent.file_access === "check_file_info"
      ? ((await bot.call({ signal, isSafe: true }, (api) => api.files.info({ file: sent.id }))).file as SlackFile | undefined)
      : sent;
  if (file?.mode === "external") throw new Error("it lies with another service");
  if (file?.mode === "tombstone" || file?.mode === "hidden_by_limit") throw new Error("it is gone");
  const address = file?.url_private_download || file?.url_private;
  if (!address) throw new Error("Slack does not say where it is");
  const response = await bot.file(address, signal);
  // Whoever may not see a file is shown a page to log in with.
  const isPage = response.headers.get("content-type")?.startsWith("text/html") === true && !file.mimetype?.startsWith("text/html");
  if (isPage || (response.status >= 300 && response.status < 400)) {
    await response.body?.cancel();
    throw new Error(`Slack shows a page to log in with: ${howToAdd(["files:read"])}`);
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`Slack answers with status ${response.status}`);
  }
  return await readWithin(response, most);
}

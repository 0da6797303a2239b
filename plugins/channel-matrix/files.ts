/** The file of a message: where it is, how it is fetched and opened, and how one is handed over. */
import { attachmentOf, leftOut, readWithin, tooLarge } from "@pincer/plugin-sdk/channel/media";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { type Fields, fields, text } from "./events.ts";
import { refusedBy } from "./failure.ts";
import { type Fetched, isFile } from "./incoming.ts";
import type { Bot } from "./login.ts";

/** Opens and closes files of encrypted rooms. */
export interface FileCipher {
  decrypt(bytes: Uint8Array, info: Fields): Uint8Array;
  encrypt(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly info: Fields };
}

/** Longest wait for a whole file. */
const FETCH_MS = 60_000;

const whats: Readonly<Record<string, string>> = { "m.image": "image", "m.audio": "audio", "m.video": "video" };

interface SentFile {
  readonly what: string;
  readonly fileName: string | undefined;
  readonly mimeType: string;
  readonly bytes: number | undefined;
  /** Where it lies; undefined when that is not said. */
  readonly address: string | undefined;
  /** How it is encrypted. */
  readonly info: Fields | undefined;
}

function fileOf(content: Fields): SentFile {
  const { mimetype, size } = fields(content["info"]);
  const { url, ...info } = fields(content["file"]);
  const isEncrypted = content["file"] !== undefined;
  const named = text(content["filename"]) ?? text(content["body"]);
  return {
    what: whats[text(content["msgtype"]) ?? ""] ?? "file",
    fileName: named === undefined || named === "" ? undefined : named.replaceAll(/[\p{Cc}/\\]/gu, "_").slice(-200),
    mimeType: typeof mimetype === "string" && /^[\w.+-]+\/[\w.+-]+$/.test(mimetype) ? mimetype : "application/octet-stream",
    bytes: typeof size === "number" && size >= 0 ? size : undefined,
    address: text(isEncrypted ? url : content["url"]),
    info: isEncrypted ? info : undefined,
  };
}

const note = ({ what, fileName, bytes }: SentFile, why: string): string =>
  leftOut(what, why, { ...(fileName !== undefined && { fileName }), ...(bytes !== undefined && { bytes }) });

export const unfetched = (content: Fields): Fetched => ({
  attachments: [],
  notes: isFile(content) ? [note(fileOf(content), "not fetched")] : [],
});

/** `mxc://server/media`, as the homeserver hands it out: from nowhere else is anything fetched. */
function pathOf(address: string | undefined): string {
  const [, server, media] = /^mxc:\/\/([A-Za-z0-9.:[\]-]{1,255})\/([A-Za-z0-9_=.-]{1,255})$/.exec(address ?? "") ?? [];
  if (server === undefined || media === undefined) throw new Error("its address is none of Matrix");
  return `${encodeURIComponent(server)}/${encodeURIComponent(media)}`;
}

/** Never throws but when the signal aborts: what cannot be fetched is said. */
export async function fetchFile(
  bot: Bot,
  clock: Clock,
  content: Fields,
  cipher: FileCipher | undefined,
  signal: AbortSignal,
): Promise<Fetched> {
  const file = fileOf(content);
  const most = bot.settings.mediaBytes;
  const without = (why: string): Fetched => ({ attachments: [], notes: [note(file, why)] });
  if ((file.bytes ?? 0) > most) return without(tooLarge(most));
  try {
    const bytes = await download(bot, clock, pathOf(file.address), most, signal);
    if (bytes === undefined) return without(tooLarge(most));
    const { info } = file;
    if (info !== undefined && cipher === undefined) return without("not fetched: it is encrypted");
    const opened = info === undefined || cipher === undefined ? bytes : cipher.decrypt(bytes, info);
    return { attachments: [attachmentOf(opened, file.mimeType, file.fileName)], notes: [] };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return without(`not fetched: ${errorMessage(error)}`);
  }
}

async function download(bot: Bot, clock: Clock, path: string, most: number, caller: AbortSignal): Promise<Uint8Array | undefined> {
  using linked = linkSignals(caller);
  using _timer = clock.after(FETCH_MS, () => linked.abort(new DOMException(`it took longer than ${FETCH_MS / 1000} s`, "TimeoutError")));
  const { signal } = linked;
  let response = await bot.file({ signal, path: `client/v1/media/download/${path}`, query: { allow_redirect: "false" } });
  if (response.status === 404) {
    // A homeserver from before version 1.11 of the specification, which asks nobody who they are.
    await response.body?.cancel();
    response = await bot.file({ signal, path: `media/v3/download/${path}`, query: { allow_redirect: "false" } });
  }
  if (response.status !== 200) {
    const said = new TextDecoder().decode((await readWithin(response, 10_000)) ?? new Uint8Array());
    throw refusedBy(bot.host, response, said, clock.now());
  }
  return await readWithin(response, most);
}

const endings: Readonly<Record<string, string>> = { jpeg: "jpg", mpeg: "mp3", "svg+xml": "svg", plain: "txt", quicktime: "mov" };

function nameFor({ kind, mimeType, fileName }: Attachment): string {
  const subtype = /^\w+\/([\w.+-]+)/.exec(mimeType)?.[1] ?? "bin";
  return (fileName ?? `${kind}.${endings[subtype] ?? subtype}`).replaceAll(/[\p{Cc}/\\]/gu, "_").slice(-200);
}

const kinds = { image: "m.image", audio: "m.audio", video: "m.video", document: "m.file" } as const;

/** Hands the file over, and answers with the content of a message that shows it, `caption` beside it. Nobody sees anything of it before that is sent. */
export async function uploadFile(
  bot: Bot,
  attachment: Attachment,
  caption: Fields | undefined,
  cipher: FileCipher | undefined,
  signal: AbortSignal,
): Promise<Fields> {
  const bytes = Buffer.from(attachment.data, "base64");
  const closed = cipher?.encrypt(bytes);
  const name = nameFor(attachment);
  const type = closed === undefined ? attachment.mimeType : "application/octet-stream";
  const answer = await bot.call({
    ...{ signal, method: "POST", path: "media/v3/upload", isSafe: true },
    // What an encrypted file is called is nobody's business but the room's.
    query: { filename: closed === undefined ? name : undefined },
    body: new Blob([(closed?.bytes ?? bytes) as Uint8Array<ArrayBuffer>], { type }),
  });
  const url = text(fields(answer)["content_uri"]);
  if (url === undefined) throw channelErrors.CHANNEL_UNAVAILABLE(`${bot.host} does not say where the file is`);
  return {
    ...(caption ?? { body: name, "m.mentions": {} }),
    msgtype: kinds[attachment.kind],
    filename: name,
    info: { mimetype: attachment.mimeType, size: bytes.length },
    ...(closed === undefined ? { url } : { file: { ...closed.info, url } }),
  };
}

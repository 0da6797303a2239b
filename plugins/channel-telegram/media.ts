/** Files that go out: as what Telegram shows them, or, where it does not, as files. */
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { InputFile, type RawApi } from "grammy/web";

/** Telegram shows larger pictures as files only. */
const MOST_PHOTO_BYTES = 10_000_000;

type Method = "sendPhoto" | "sendAnimation" | "sendVoice" | "sendAudio" | "sendVideo" | "sendDocument";

export interface Medium {
  readonly method: Method;
  readonly bytes: Uint8Array;
  readonly fileName: string;
}

const endings: Readonly<Record<string, string>> = {
  jpeg: "jpg",
  mpeg: "mp3",
  "svg+xml": "svg",
  plain: "txt",
  quicktime: "mov",
  "x-wav": "wav",
};

function methodFor(mimeType: string, size: number): Method {
  switch (mimeType.split(";")[0]?.trim()) {
    case "image/jpeg":
    case "image/png":
    case "image/webp":
      return size <= MOST_PHOTO_BYTES ? "sendPhoto" : "sendDocument";
    case "image/gif":
      return "sendAnimation";
    case "audio/ogg":
    case "audio/opus":
      return "sendVoice";
    case "audio/mpeg":
    case "audio/mp3":
    case "audio/mp4":
    case "audio/m4a":
    case "audio/x-m4a":
      return "sendAudio";
    case "video/mp4":
      return "sendVideo";
    default:
      return "sendDocument";
  }
}

/** It stands in a header, without quotes. */
const headerSafe = (name: string): string => name.replaceAll(/[\r\n";\\/]/g, "_").slice(-120);

export function mediumOf({ kind, mimeType, fileName, data }: Attachment): Medium {
  const bytes = Buffer.from(data, "base64");
  const subtype = /^\w+\/([\w.+-]+)/.exec(mimeType)?.[1] ?? "bin";
  return { method: methodFor(mimeType, bytes.length), bytes, fileName: headerSafe(fileName ?? `${kind}.${endings[subtype] ?? subtype}`) };
}

/** What every message has, beside its file. */
export type Around = Omit<Parameters<RawApi["sendDocument"]>[0], "document" | "thumbnail">;

export async function sendMedium(api: RawApi, { method, bytes, fileName }: Medium, around: Around): Promise<string> {
  const file = new InputFile(bytes, fileName);
  const { message_id } = await {
    sendPhoto: () => api.sendPhoto({ ...around, photo: file }),
    sendAnimation: () => api.sendAnimation({ ...around, animation: file }),
    sendVoice: () => api.sendVoice({ ...around, voice: file }),
    sendAudio: () => api.sendAudio({ ...around, audio: file }),
    sendVideo: () => api.sendVideo({ ...around, video: file }),
    sendDocument: () => api.sendDocument({ ...around, document: file }),
  }[method]();
  return String(message_id);
}

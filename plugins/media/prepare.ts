/** From a file as somebody sent it to what a model is given of it, in memory alone: no temporary file is written that could be left behind. */
import { kindOf } from "@pincer/plugin-sdk/channel/media";
import { contentType } from "@pincer/plugin-sdk/content-type";
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import type { PreparedAttachment } from "@pincer/plugin-sdk/contracts/media";
import type { OnBehalfOf } from "@pincer/plugin-sdk/contracts/transcriber-access";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { oneLine } from "@pincer/plugin-sdk/inbound/mentions";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { preparedImage } from "./pictures.ts";
import { readDocument } from "./reader.ts";
import { type MediaContext, recordingText } from "./recordings.ts";
import { type DocumentText, sizeText, Unreadable } from "./unreadable.ts";

export function createPrepare(ctx: MediaContext) {
  // One file is open at a time: a few large ones would take the memory of all.
  const inTurn = createQueue();

  const textAttachment = (name: string, { what, text: read, leftOut }: DocumentText): PreparedAttachment => {
    const most = ctx.config.textChars;
    const text = visibleText(read);
    const isCut = text.length > most;
    const said = [...leftOut, ...(isCut ? [`only its first ${most} characters were read`] : [])];
    const shown = `${what}\n\n${isCut ? text.slice(0, most).toWellFormed() : text}`;
    const attachment: Attachment = {
      kind: "document",
      mimeType: "text/plain",
      fileName: name,
      data: Buffer.from(shown).toString("base64"),
    };
    return { attachment, ...(said.length === 0 ? {} : { note: `Of ${name} this was left out: ${said.join("; ")}.` }) };
  };

  const prepared = async (
    sent: Attachment,
    bytes: Uint8Array,
    mimeType: string,
    name: string,
    signal: AbortSignal,
  ): Promise<PreparedAttachment> => {
    const kind = kindOf(mimeType);
    const named = { kind, ...(sent.fileName === undefined ? {} : { fileName: name }) };
    if (mimeType.startsWith("image/") && mimeType !== "image/svg+xml")
      return { attachment: { ...named, ...(await preparedImage(bytes, mimeType, ctx.config)) } };
    if (kind === "video") throw new Unreadable("videos are not watched here");
    const file = { attachment: { ...named, mimeType, data: sent.data } };
    if (mimeType === "application/pdf" && ctx.config.pdf === "file") return file;
    const text = await readDocument({ bytes, mimeType, config: ctx.config }, ctx.clock, signal);
    return text === undefined ? file : textAttachment(name, text);
  };

  return async (
    { attachment: sent, onBehalfOf = {} }: { readonly attachment: Attachment; readonly onBehalfOf?: OnBehalfOf },
    { signal }: { readonly signal: AbortSignal },
  ): Promise<PreparedAttachment> => {
    const name = oneLine((sent.fileName ?? "").replace(/[[\]]/g, " ")) || sent.kind;
    let size = Math.floor(sent.data.length * 0.75);
    let is = sent.mimeType;
    try {
      if (size > ctx.config.fileBytes) throw new Unreadable(`it has more than ${sizeText(ctx.config.fileBytes)}`);
      const bytes = Buffer.from(sent.data, "base64");
      size = bytes.length;
      if (size === 0) throw new Unreadable("it is empty");
      is = contentType(bytes, sent.mimeType, sent.fileName);
      if (is.startsWith("audio/")) return textAttachment(name, await recordingText(ctx, bytes, is, onBehalfOf, signal));
      return await inTurn(() => prepared(sent, bytes, is, name, signal));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return { note: `${name} (${oneLine(is)}, ${sizeText(size)}) could not be read: ${error.message}.` };
    }
  };
}

/** What may leave as a file: something that is there, and that is what it says it is. Whoever sends it is told why it may not. */
import { kindOf } from "@pincer/plugin-sdk/channel/media";
import { contentType, isTextual } from "@pincer/plugin-sdk/content-type";
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { deliveryErrors } from "./targets.ts";

/** Kinds that are shown or opened without a question, by what they are said to be. */
const isShown = (mimeType: string): boolean => /^(image|audio|video)\/|^application\/pdf$/.test(mimeType);
const UNKNOWN = "application/octet-stream";
/** What other formats are made of: it says less than their own names. */
const general: ReadonlySet<string> = new Set([UNKNOWN, "application/zip", "application/gzip", "application/x-ole-storage"]);

/** A name is somebody's text: it is shown, and marks nothing. */
export const nameOf = ({ fileName, kind }: Attachment): string => (fileName ?? kind).replace(/[\p{Cc}`]+/gu, " ").slice(0, 200);

const familyOf = (mimeType: string): string => mimeType.split("/")[0] ?? "";

/** As its content says, where that says more than whoever sends it. Throws `DELIVERY_ATTACHMENT`. */
function checked(attachment: Attachment): Attachment {
  const name = nameOf(attachment);
  const bytes = Buffer.from(attachment.data, "base64");
  if (bytes.toString("base64").replace(/=+$/, "") !== attachment.data.replace(/=+$/, ""))
    throw deliveryErrors.DELIVERY_ATTACHMENT(`\`${name}\` is not sent: expected its content in base64`);
  if (bytes.length === 0) throw deliveryErrors.DELIVERY_ATTACHMENT(`\`${name}\` is not sent: it is empty`);
  const declared = (attachment.mimeType.split(";")[0] ?? "").trim().toLowerCase();
  const found = contentType(bytes, declared, attachment.fileName);
  const isOther = declared === "application/pdf" ? found !== declared : familyOf(found) !== familyOf(declared);
  if (isShown(declared) && found !== UNKNOWN && isOther)
    throw deliveryErrors.DELIVERY_ATTACHMENT(`\`${name}\` is not sent: it is said to be ${declared}, and its content is ${found}`);
  // A text stays the kind of text that it is said to be.
  const isKnownBetter = declared !== "" && declared !== UNKNOWN && (general.has(found) || isTextual(found));
  const mimeType = isKnownBetter ? attachment.mimeType : found;
  return { ...attachment, mimeType, kind: kindOf(mimeType) };
}

/** Throws `DELIVERY_ATTACHMENT`. */
export const checkedAttachments = (attachments: readonly Attachment[]): Attachment[] => attachments.map(checked);

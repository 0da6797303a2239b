/** Images as models can take them. */
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { imageSize, smallerImage } from "@pincer/plugin-sdk/image";
import type { MediaConfig } from "./config.ts";
import { Unreadable } from "./unreadable.ts";

const shownByModels = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** The same image when it is small and whole, otherwise a smaller one. Throws `Unreadable`. */
export async function preparedImage(
  bytes: Uint8Array,
  mimeType: string,
  { imageSidePx, imageBytes, imagePixels }: MediaConfig,
): Promise<Pick<Attachment, "mimeType" | "data">> {
  const bounds = { sidePx: imageSidePx, bytes: imageBytes, pixels: imagePixels };
  try {
    const { width, height } = await imageSize(bytes, imagePixels);
    const isSmall = Math.max(width, height) <= imageSidePx && bytes.length <= imageBytes && shownByModels.has(mimeType);
    // One that breaks off behind its head would be refused by the vendor, in this turn and in every later one of the conversation.
    const smaller = await smallerImage(bytes, isSmall ? { ...bounds, sidePx: 64 } : bounds);
    return isSmall
      ? { mimeType, data: Buffer.from(bytes).toString("base64") }
      : { mimeType: "image/jpeg", data: Buffer.from(smaller).toString("base64") };
  } catch (error) {
    if (hasErrorCode(error, "ERR_IMAGE_TOO_MANY_PIXELS"))
      throw new Unreadable(`it has more than ${Math.round(imagePixels / 1_000_000)} million pixels`);
    if (hasErrorCode(error, "ERR_IMAGE_FORMAT_UNSUPPORTED"))
      throw new Unreadable("images of this kind cannot be opened here; as JPEG or PNG they can");
    throw new Unreadable("it is damaged, or of a kind that cannot be opened here");
  }
}

const hasErrorCode = (error: unknown, code: string): boolean => error instanceof Error && "code" in error && error.code === code;

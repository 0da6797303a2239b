/** Images made smaller, for a vendor that refuses their size or dimensions. */
import type { DocumentBlock, ImageBlock, Message, TextBlock } from "@pincer/plugin-sdk/message";

interface ImageLimits {
  readonly imageSidePx: number;
  readonly imageBytes: number;
}

/** More than any camera makes; what claims more is not opened. */
const MOST_PIXELS = 100_000_000;
const QUALITIES = [85, 60, 40] as const;

async function shrunk(image: ImageBlock, { imageSidePx, imageBytes }: ImageLimits): Promise<ImageBlock> {
  const bytes = Buffer.from(image.data, "base64");
  try {
    const { width, height } = await new Bun.Image(bytes, { maxPixels: MOST_PIXELS }).metadata();
    if (Math.max(width, height) <= imageSidePx && bytes.length <= imageBytes) return image;
    let side = imageSidePx;
    for (;;) {
      for (const quality of QUALITIES) {
        const made = new Bun.Image(bytes, { maxPixels: MOST_PIXELS }).resize(side, side, { fit: "inside", withoutEnlargement: true });
        const smaller = await made.jpeg({ quality }).bytes();
        if (smaller.length <= imageBytes || side <= 64) return { type: "image", data: smaller.toBase64(), mimeType: "image/jpeg" };
      }
      side = Math.max(64, Math.floor(side * 0.7));
    }
  } catch {
    // silent-ok: what is no image, or one of a kind that cannot be opened here, is for the vendor to refuse in its own words
    return image;
  }
}

/** `undefined` when there is nothing to make smaller. */
export async function withSmallerImages(messages: readonly Message[], limits: ImageLimits): Promise<Message[] | undefined> {
  let changed = false;
  const smaller = await Promise.all(
    messages.map(async (message): Promise<Message> => {
      if (message.role === "assistant" || typeof message.content === "string") return message;
      const blocks: readonly (TextBlock | ImageBlock | DocumentBlock)[] = message.content;
      const content = await Promise.all(blocks.map((block) => (block.type === "image" ? shrunk(block, limits) : block)));
      if (content.every((block, index) => block === blocks[index])) return message;
      changed = true;
      return { ...message, content } as Message;
    }),
  );
  return changed ? smaller : undefined;
}

/** Images made smaller, for a vendor that refuses their size or dimensions. */
import type { DocumentBlock, ImageBlock, Message, TextBlock } from "@pincer/plugin-sdk/message";
import { createQueue } from "@pincer/plugin-sdk/queue";

interface ImageLimits {
  readonly imageSidePx: number;
  readonly imageBytes: number;
  /** Of all images of a request: a small file may hold very many pixels, and each takes four bytes once it is open. */
  readonly imagePixels: number;
}

const QUALITIES = [85, 60, 40] as const;

interface Budget {
  left: number;
}

async function shrunk(
  image: ImageBlock,
  { imageSidePx, imageBytes, imagePixels: maxPixels }: ImageLimits,
  pixels: Budget,
): Promise<ImageBlock> {
  const bytes = Buffer.from(image.data, "base64");
  try {
    const { width, height } = await new Bun.Image(bytes, { maxPixels }).metadata();
    if (Math.max(width, height) <= imageSidePx && bytes.length <= imageBytes) return image;
    pixels.left -= width * height;
    if (pixels.left < 0) return image;
    let side = imageSidePx;
    for (;;) {
      for (const quality of QUALITIES) {
        const made = new Bun.Image(bytes, { maxPixels }).resize(side, side, { fit: "inside", withoutEnlargement: true });
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
async function smallerImages(messages: readonly Message[], limits: ImageLimits): Promise<Message[] | undefined> {
  const pixels: Budget = { left: limits.imagePixels };
  const smaller: Message[] = [];
  for (const message of messages) {
    if (message.role === "assistant" || typeof message.content === "string") smaller.push(message);
    else {
      const blocks: readonly (TextBlock | ImageBlock | DocumentBlock)[] = message.content;
      const content: (typeof blocks)[number][] = [];
      for (const block of blocks) content.push(block.type === "image" ? await shrunk(block, limits, pixels) : block);
      const isSame = content.every((block, index) => block === blocks[index]);
      smaller.push(isSame ? message : ({ ...message, content } as Message));
    }
  }
  return smaller.some((message, index) => message !== messages[index]) ? smaller : undefined;
}

export type Shrinker = typeof smallerImages;

/** One image is open at a time, however many requests have some. */
export function createShrinker(): Shrinker {
  const inTurn = createQueue();
  return (messages, limits) => inTurn(() => smallerImages(messages, limits));
}

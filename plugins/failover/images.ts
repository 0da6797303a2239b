/** Images made smaller, for a vendor that refuses their size or dimensions. */
import { imageSize, smallerImage } from "@pincer/plugin-sdk/image";
import type { DocumentBlock, ImageBlock, Message, TextBlock } from "@pincer/plugin-sdk/message";
import { createQueue } from "@pincer/plugin-sdk/queue";

interface ImageLimits {
  readonly imageSidePx: number;
  readonly imageBytes: number;
  /** Of all images of a request: a small file may hold very many pixels, and each takes four bytes once it is open. */
  readonly imagePixels: number;
}

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
    const { width, height } = await imageSize(bytes, maxPixels);
    if (Math.max(width, height) <= imageSidePx && bytes.length <= imageBytes) return image;
    pixels.left -= width * height;
    if (pixels.left < 0) return image;
    const smaller = await smallerImage(bytes, { sidePx: imageSidePx, bytes: imageBytes, pixels: maxPixels });
    return { type: "image", data: smaller.toBase64(), mimeType: "image/jpeg" };
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

/** Files that people send: fetched within bounds, and what was left out is said. */
import type { Attachment } from "../contracts/inbox.ts";
import { visibleText } from "../inbound/invisible.ts";
import { oneLine } from "../inbound/mentions.ts";

export const DEFAULT_MEDIA_BYTES = 20 * 1024 * 1024;

/** The runtime's own error names the address, in which some platforms want their token; how it broke is kept. */
function brokenOff(error: unknown): unknown {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" ? Object.assign(new Error(`the body broke off (${code})`), { code }) : error;
}

/**
 * A response's body, or undefined when it is longer than `most` bytes; the rest is not fetched then. One that breaks off throws an error with the
 * system's `code`.
 */
export async function readWithin(response: Response, most: number): Promise<Uint8Array | undefined> {
  if (Number(response.headers.get("content-length") ?? 0) > most) {
    await response.body?.cancel();
    return undefined;
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const piece of response.body ?? []) {
      length += piece.length;
      // Leaving the loop cancels the body.
      if (length > most) return undefined;
      pieces.push(piece);
    }
  } catch (error) {
    throw brokenOff(error);
  }
  return Buffer.concat(pieces, length);
}

/** A kind that says how a client shows it. */
export function kindOf(mimeType: string): Attachment["kind"] {
  const family = mimeType.split("/")[0];
  return family === "image" || family === "audio" || family === "video" ? family : "document";
}

export const attachmentOf = (bytes: Uint8Array, mimeType: string, fileName?: string): Attachment => ({
  kind: kindOf(mimeType),
  mimeType,
  data: Buffer.from(bytes).toString("base64"),
  ...(fileName === undefined ? {} : { fileName }),
});

const size = (bytes: number): string => (bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`);

/** What stands in a message's text for a file that is not with it, for model and user alike. Its name is anybody's, and stays one. */
export function leftOut(
  what: string,
  why: string,
  { fileName, bytes }: { readonly fileName?: string; readonly bytes?: number } = {},
): string {
  return `[${[what, ...(fileName === undefined ? [] : [oneLine(visibleText(fileName).replace(/[[\]]+/g, " "))]), ...(bytes === undefined ? [] : [`(${size(bytes)})`])].join(" ")}: ${why}]`;
}

export const tooLarge = (most: number): string => `not fetched, larger than ${size(most)}`;

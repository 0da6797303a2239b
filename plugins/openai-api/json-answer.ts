/** An answer in one piece, which may be large: whoever reads it slowly, or not at all, has its place until it is written. */
import type { Place } from "./in-flight.ts";

const encoder = new TextEncoder();
const headers = { "content-type": "application/json" };
/** What is no larger is handed to the socket at once. */
const pieceBytes = 65_536;

export function jsonAnswer(value: unknown, place: Place): Response {
  const bytes = encoder.encode(JSON.stringify(value));
  if (bytes.length <= pieceBytes) return new Response(bytes, { headers });
  const over = place.keep();
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.subarray(at, at + pieceBytes));
      at += pieceBytes;
      if (at < bytes.length) return;
      over();
      controller.close();
    },
    cancel: over,
  });
  return new Response(body, { headers });
}

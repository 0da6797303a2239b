import { expect, test } from "bun:test";
import { type ServerEvent, serverEvents } from "./server-events.ts";

const whole =
  "event: one\r\ndata: Grüße\r\n\r\n: a comment\ndata:two\ndata: lines\nid: 7\n\ndata\n\nevent: nothing\n\rdata: three\r\rdata: cut off";
const told: readonly ServerEvent[] = [
  { event: "one", data: "Grüße" },
  { event: undefined, data: "two\nlines" },
  { event: undefined, data: "" },
  { event: undefined, data: "three" },
];

const streamed = (pieces: readonly Uint8Array[], cancelled?: () => void) =>
  new Response(
    new ReadableStream<Uint8Array>({
      pull(out) {
        const piece = pieces[0];
        pieces = pieces.slice(1);
        if (piece) out.enqueue(piece);
        else out.close();
      },
      ...(cancelled && { cancel: cancelled }),
    }),
  );

test("events are the same however the bytes are cut, and every piece is a sign of life", async () => {
  const bytes = new TextEncoder().encode(whole);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.slice(at * size, (at + 1) * size));
    let seen = 0;
    const events: ServerEvent[] = [];
    for await (const some of serverEvents(streamed(pieces), () => seen++)) events.push(...some);
    expect(events).toEqual([...told]);
    expect(seen).toBe(pieces.length + 1);
  }
});

test("who stops reading ends the request; an answer without a body has no events", async () => {
  const cancelled = Promise.withResolvers<void>();
  const pieces = ["data: a\n\n", "data: b\n\n", "data: c\n\n"].map((text) => new TextEncoder().encode(text));
  for await (const [first] of serverEvents(streamed(pieces, cancelled.resolve), () => {})) {
    expect(first?.data).toBe("a");
    break;
  }
  await cancelled.promise;
  for await (const _ of serverEvents(new Response(null), () => {})) throw new Error("there is nothing to read");
});

/** Server-sent events, written as fast as they are read: who leaves ends what was being answered. */

const encoder = new TextEncoder();
const eventStreamHeaders = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

export const dataEvent = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
export const namedEvent = (data: { readonly type: string }): string => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
export const doneEvent = "data: [DONE]\n\n";

/** `leave` is called when the reader has gone away before the end. */
export function eventStream(events: AsyncGenerator<string, void, void>, leave: (reason: unknown) => void): Response {
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await events.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel(reason) {
      leave(reason);
      await events.return();
    },
  });
  return new Response(body, { headers: eventStreamHeaders });
}

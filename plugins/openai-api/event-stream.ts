/** Server-sent events, written as fast as they are read: who leaves ends what was being answered. */

const encoder = new TextEncoder();
const eventStreamHeaders = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

export const dataEvent = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
export const namedEvent = (data: { readonly type: string }): string => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
export const doneEvent = "data: [DONE]\n\n";

interface Ends {
  /** The reader has gone away before the end. */
  leave(reason: unknown): void;
  /** Called once, when nothing is being answered any more, however that came about. */
  over?(): void;
}

export function eventStream(events: AsyncGenerator<string, void, void>, { leave, over }: Ends): Response {
  let isOver = false;
  const end = () => {
    if (!isOver) over?.();
    isOver = true;
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await events.next();
        if (done !== true) return controller.enqueue(encoder.encode(value));
      } catch (error) {
        end();
        throw error;
      }
      end();
      controller.close();
    },
    async cancel(reason) {
      leave(reason);
      try {
        await events.return();
      } finally {
        end();
      }
    },
  });
  return new Response(body, { headers: eventStreamHeaders });
}

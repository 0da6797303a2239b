/** `fetch`, of which a test knows when what came was taken: what is still on its way when a connection ends is lost. */

interface AttentiveFetch {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Resolves once a piece of that path's answer was taken, and more is wanted. To be asked for before the piece is sent. */
  taken(path: string): Promise<void>;
}

export function attentiveFetch(): AttentiveFetch {
  const waiting = new Map<string, () => void>();
  return {
    async fetch(url, init) {
      const response = await fetch(url, init);
      if (!response.body) return response;
      const { pathname } = new URL(url);
      const reader = response.body.getReader();
      let pieces = 0;
      const body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            if (pieces++ > 0) waiting.get(pathname)?.();
            const { done, value } = await reader.read();
            if (done) controller.close();
            else controller.enqueue(value);
          },
          cancel: (why) => reader.cancel(why),
        },
        { highWaterMark: 0 },
      );
      return new Response(body, { status: response.status, headers: response.headers });
    },
    taken: (path) => new Promise((resolve) => void waiting.set(path, resolve)),
  };
}

/** A bare server between people and the model, in place of a gateway with a channel. */
import { RELAY, type Relayed } from "../servers.ts";

interface Relay extends AsyncDisposable {
  say(conversation: number, text: string): void;
}

export function startRelay(port: number, hear: (text: string) => void): Relay {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      hear(((await request.json()) as { readonly text: string }).text);
      return new Response();
    },
  });
  const to = server.url.href;
  return {
    say(_, text) {
      void fetch(`http://127.0.0.1:${port}${RELAY}`, { method: "POST", body: JSON.stringify({ text, to } satisfies Relayed) });
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

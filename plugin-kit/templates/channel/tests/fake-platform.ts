/** For the tests: a small chat platform on loopback, with one long poll, messages, and a token. */
import type { ChannelPlatform, Said } from "@pincer/plugin-sdk/testing/channel-suite";
import type { Update } from "../platform.ts";

export const TOKEN = "token-of-the-test";

export function startFakePlatform(): ChannelPlatform {
  const updates: Update[] = [];
  const posted: { readonly conversation: string; readonly text: string }[] = [];
  const polls = new Set<() => void>();
  const waiting: { readonly index: number; resolve(message: { conversation: string; text: string }): void }[] = [];

  const after = (id: number) => updates.filter((update) => Number(update.id) > id);

  async function poll(request: Request, id: number): Promise<Response> {
    if (after(id).length === 0)
      await new Promise<void>((resolve) => {
        polls.add(resolve);
        request.signal.addEventListener("abort", () => resolve());
      });
    return Response.json(after(id));
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      if (request.headers.get("authorization") !== `Bearer ${TOKEN}`) return new Response("who are you?", { status: 401 });
      if (pathname === "/me") return Response.json({ name: "the-bot" });
      if (pathname === "/updates") return poll(request, Number(searchParams.get("after")));
      const { room, text } = (await request.json()) as { room: string; text: string };
      const message = { conversation: room, text };
      posted.push(message);
      for (const { index, resolve } of waiting) if (index === posted.length - 1) resolve(message);
      return Response.json({ id: `m${posted.length}` });
    },
  });

  return {
    url: `http://127.0.0.1:${server.port}`,
    posted,
    say({ conversation, from, text }: Said) {
      updates.push({ id: String(updates.length + 1), room: conversation, from, text, direct: true, at: Date.now() });
      for (const resolve of polls) resolve();
      polls.clear();
    },
    message: (index) => {
      const there = posted[index];
      return there ? Promise.resolve(there) : new Promise((resolve) => void waiting.push({ index, resolve }));
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

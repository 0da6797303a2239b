/**
 * A model behind OpenAI's Chat Completions, whose answers come as fast as the message says. Its events are those of the scripted vendor.
 * A key such as `fail-429` is answered with that status.
 * `bun upstream.ts [port]` prints `{ port }`.
 */
import { startOpenAiVendor } from "../vendors/openai/server.ts";
import { pieceAt, readPace } from "./pace.ts";

const path = "/v1/chat/completions";
/** Where the text of a piece goes. */
export const mark = "PIECE";

/** The opening, one piece with the mark, and the end. */
export async function answerFrames() {
  await using vendor = startOpenAiVendor();
  const events = vendor.eventsOf({ steps: [{ text: [mark] }] }, path);
  const at = events.findIndex((event) => event.includes(mark));
  const whole = vendor.wholeOf({ steps: [{ text: [mark] }] }, path);
  return { opening: events.slice(0, at).join(""), piece: events[at]!, end: events.slice(at + 1).join(""), whole };
}

interface Asked {
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly stream?: boolean;
}

async function serveUpstream(port: number) {
  const { opening, piece, end, whole } = await answerFrames();
  const encoder = new TextEncoder();
  return Bun.serve({
    hostname: "127.0.0.1",
    port,
    idleTimeout: 0,
    async fetch(request) {
      if (request.method === "GET") return Response.json({ object: "list", data: [{ id: "bench", object: "model", owned_by: "bench" }] });
      const failure = /fail-(\d+)/.exec(request.headers.get("authorization") ?? "")?.[1];
      if (failure !== undefined) return Response.json({ error: { message: `it says ${failure}` } }, { status: Number(failure) });
      const { messages, stream } = (await request.json()) as Asked;
      const asked = messages.findLast(({ role }) => role === "user");
      const { firstMs, stepMs, pieces } = readPace(JSON.stringify(asked?.content ?? ""));
      if (stream !== true) {
        const text = Array.from({ length: pieces }, () => pieceAt(performance.timeOrigin + performance.now())).join("");
        return new Response(whole.replace(mark, text), { headers: { "content-type": "application/json" } });
      }
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          for (let number = 0; number < pieces; number++) {
            const wait = number === 0 ? firstMs : stepMs;
            if (wait > 0) await Bun.sleep(wait);
            const text = piece.replace(mark, pieceAt(performance.timeOrigin + performance.now()));
            controller.enqueue(encoder.encode(number === 0 ? opening + text : text));
          }
          controller.enqueue(encoder.encode(end));
          controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
}

if (import.meta.main) {
  const { port } = await serveUpstream(Number(process.argv[2] ?? 0));
  console.log(JSON.stringify({ port }));
}

/** Runs in a process that nobody kills: a stream without an end, and a call. */
import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

const Echo = Type.Object({ n: Type.Integer() });
const echo = defineMethod({
  name: "chaos-bystander.echo",
  summary: "Answers with what it was given.",
  scope: "operator.read",
  params: Echo,
  result: Echo,
});

const tickMs = 5;

export default definePlugin({
  setup(ctx) {
    ctx.method(echo, (params) => params);
    /** Numbered lines. */
    ctx.route("/chaos-bystander", { access: "open" }, ({ signal }) => {
      const encoder = new TextEncoder();
      let next = 0;
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await ctx.clock.sleep(tickMs, signal);
          controller.enqueue(encoder.encode(`${next++}\n`));
        },
      });
      return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
    });
  },
});

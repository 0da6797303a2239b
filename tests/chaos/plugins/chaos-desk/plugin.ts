/** Runs in the gateway, calls what runs in a process that is killed, and notes outside what came of each call. */
import { definePlugin } from "@pincer/plugin-sdk";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { defineTool, failedOutcome, textOutcome, tool } from "@pincer/plugin-sdk/contracts/tool";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { Asked, pool, work } from "../chaos-pool/pool.ts";

const doWork = defineMethod({
  name: "chaos-desk.work",
  summary: "Has a job done, and answers when it has ended.",
  scope: "operator.write",
  params: Asked,
  result: Type.Object({ state: Type.String(), result: Type.Unknown() }),
});

/** What the caller of the pool got. */
export type Note = { readonly answer: string } | { readonly code: string; readonly message: string };

export default definePlugin({
  config: Type.Object({ url: Type.String() }),
  uses: { pool, lanes },

  setup(ctx) {
    const note = (what: "begun" | "ended", id: string, came: Note | null) =>
      ctx.fetch(`${ctx.config.url}/${what}/${id}`, { method: "POST", body: JSON.stringify(came) });
    for (const [name, access] of [
      ["ask", "read"],
      ["spend", "write"],
    ] as const) {
      const made = defineTool({
        name,
        summary: `Has the pool ${name}.`,
        access,
        parameters: Asked,
        run: async ({ id }, _, io) => {
          await note("begun", id, null);
          try {
            const { answer } = await ctx.uses.pool[name]({ id }, io);
            await note("ended", id, { answer });
            return textOutcome(answer);
          } catch (error) {
            await note("ended", id, { code: isGatewayError(error) ? error.code : "none", message: errorMessage(error) });
            return failedOutcome(errorMessage(error));
          }
        },
      });
      ctx.provide(tool, ...made);
    }
    ctx.method(doWork, async ({ id }, { signal }) => {
      const io = { signal };
      const key = `chaos:${id}`;
      await ctx.uses.lanes.admit({ admissions: [{ lane: `job:chaos:${id}`, kind: work.kind, key, input: { id } }] }, io);
      const { state, result } = await ctx.uses.lanes.wait({ key }, io);
      return { state, result };
    });
  },
});

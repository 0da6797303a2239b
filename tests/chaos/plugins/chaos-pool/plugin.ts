/** Runs in a process that is killed: whatever it does is an entry in a ledger outside. */
import { definePlugin } from "@pincer/plugin-sdk";
import { Type } from "@sinclair/typebox";
import { answerTo, pool, work } from "./pool.ts";

export default definePlugin({
  config: Type.Object({ url: Type.String() }),

  setup(ctx) {
    const done = async (what: "ask" | "spend" | "read" | "take", id: string) => {
      const { ok } = await ctx.fetch(`${ctx.config.url}/${what}/${id}`, { method: "POST" });
      if (!ok) throw new Error("the ledger did not take it");
      return answerTo(id);
    };
    ctx.provide(
      pool,
      "pool",
      {},
      {
        ask: async ({ id }) => ({ answer: await done("ask", id) }),
        spend: async ({ id }) => ({ answer: await done("spend", id) }),
      },
    );
    ctx.job(work, async (job) => {
      const { id } = job.input;
      const read = await job.effect("read", null, () => done("read", id), { replay: "safe" });
      const taken = await job.effect("take", null, () => done("take", id));
      return { read, spent: taken.ok ? taken.value : null };
    });
  },
});

import { definePlugin } from "@pincer/plugin-sdk";
import { budgets } from "@pincer/plugin-sdk/contracts/budgets";
import { jobAdmitting, modelCalled, modelCalling, sessionEnded } from "@pincer/plugin-sdk/hooks";
import { Type } from "@sinclair/typebox";
import { runCommand, USAGE } from "./command.ts";
import { BudgetsConfig } from "./config.ts";
import { Desk, uses } from "./desk.ts";
import { budgetsShow } from "./methods.ts";
import { budgetReached } from "./telling.ts";

/** Behind every other say in a call: what somebody else refuses is never held. */
const LAST = 1_000;

const Whose = Type.Object({
  ...{ agent: Type.String(), user: Type.String(), model: Type.String(), profile: Type.String() },
  meant: Type.Optional(Type.Array(Type.String())),
});
const Place = Type.Object({ date: Type.String(), session: Type.String(), run: Type.String() });
const OpenCall = Type.Object({
  ...{ id: Type.String(), whose: Whose, place: Place },
  ...{ usd: Type.Number(), tokens: Type.Number(), isPriced: Type.Boolean(), at: Type.Number() },
});

export default definePlugin({
  config: BudgetsConfig,
  uses,

  setup(ctx) {
    const desk = new Desk(ctx);
    ctx.onConfig(() => desk.configured());
    ctx.onUnload(() => desk.end());
    ctx.state(Type.Object({ open: Type.Union([Type.Array(OpenCall), Type.Null()]) }), {
      snapshot: async () => {
        const open = await desk.snapshot();
        return { open: open && [...open] };
      },
      restore: ({ open }) => desk.restore(open),
    });
    ctx.event(budgetReached);
    ctx.health(async () => (desk.problem === undefined ? { ok: true } : { ok: false, detail: desk.problem }));

    ctx.hook(modelCalling, (asked) => desk.admit(asked), { order: LAST });
    ctx.hook(jobAdmitting, (asked) => desk.admitJob(asked));
    ctx.hook(modelCalled, async (ended) => {
      await desk.called(ended);
      return undefined;
    });
    ctx.hook(sessionEnded, async ({ sessionKey, reason }) => {
      if (reason !== "idle") await desk.sessionEnded(sessionKey);
      return undefined;
    });

    const show = async (sessionKey: string | undefined, signal: AbortSignal) => {
      if (sessionKey === undefined) return desk.report(undefined);
      const session = await ctx.uses.sessions.get({ key: sessionKey }, { signal });
      return desk.report(session?.key ?? sessionKey);
    };
    ctx.provide(budgets, "budgets", {}, { report: ({ sessionKey }, { signal }) => show(sessionKey, signal) });
    ctx.method(budgetsShow, ({ sessionKey }, { signal }) => show(sessionKey, signal));
    ctx.command({ name: "usage", summary: "What models used, and what each budget leaves", usage: USAGE }, runCommand);
  },
});
